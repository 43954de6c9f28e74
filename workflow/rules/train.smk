# Training: one run, resumed from its own checkpoint after a kill.


def start_of(wildcards):
    """The weights that a run starts from, of another run or the user's; its settings name them."""
    return run_of(wildcards).start_files


def beside_of(wildcards):
    """The index of the samples that a run reads beside others, if it does."""
    beside = run_of(wildcards).samples_beside
    return [f"<results>/samples/{beside}/index.parquet"] if beside else []


def devices_of(wildcards):
    """Devices that share a training; no param, so that another number trains nothing again."""
    return CONFIG.train_devices.get(run_of(wildcards).settings.method, 1)


rule train:
    """Train one run."""
    input:
        index=lambda wildcards: f"<results>/samples/{run_of(wildcards).samples}/index.parquet",
        beside=beside_of,
        start=start_of,
    output:
        checkpoint="<results>/runs/{run}/checkpoint.pt",
        config="<results>/runs/{run}/config.yaml",
        metrics="<results>/runs/{run}/metrics.jsonl",
        snapshots=directory("<results>/runs/{run}/snapshots"),
    log:
        "<logs>/runs/{run}.log",
    benchmark:
        "<benchmarks>/runs/{run}.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: lambda wildcards: CONFIG.train_threads * devices_of(wildcards)
    resources:
        # One task on one machine: `commonfate train` starts a process for each device itself.
        gpu=devices_of,
        devices=devices_of,
        nodes=1,
        mem_mb=lambda wildcards: 16000 * devices_of(wildcards),
        runtime=1440,
    params:
        method=lambda wildcards: run_of(wildcards).settings.method,
        settings=lambda wildcards: set_options(run_of(wildcards).settings),
        seed=lambda wildcards: run_of(wildcards).seed,
        folder=lambda wildcards: f"{RESULTS}/runs/{wildcards.run}",
        beside=lambda wildcards, input: [f"--beside={path}" for path in input.beside],
    shell:
        """
        commonfate train \
            --index {input.index:q} {params.beside:q} \
            --method {params.method} {params.settings:q} \
            --seed {params.seed} \
            --threads {threads} \
            --devices {resources.devices} \
            --output {params.folder:q} 2>{log:q}
        """
