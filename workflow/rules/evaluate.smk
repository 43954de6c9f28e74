# Evaluation: predict once, then score by each protocol.


def predict_input(wildcards):
    """What predicting reads: frames, ground truth to size and choose by, weights, flow."""
    run = run_of(wildcards)
    benchmark = CONFIG.benchmarks[wildcards.benchmark]
    dataset = benchmark.dataset
    files = {
        "manifest": f"results/videos/{dataset}/manifest.parquet",
        "frames": of_shards("results/frames/{dataset}/{shard}.zarr.zip", dataset),
    }
    if run.settings.reads_flow:
        files["flow"] = of_shards(FLOW_STORE, dataset, source=run.flow)
    if run.settings.trained:
        files["checkpoint"] = f"results/runs/{run.slug}/checkpoint.pt"
        files["snapshots"] = f"results/runs/{run.slug}/snapshots"
    return files


rule predict:
    """Segment the annotated frames of a benchmark."""
    input:
        unpack(predict_input),
    output:
        directory("results/predictions/{run}/{benchmark}/{checkpoint}"),
    log:
        "results/logs/predictions/{run}/{benchmark}/{checkpoint}.log",
    benchmark:
        "results/benchmarks/predictions/{run}/{benchmark}/{checkpoint}.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: 2
    resources:
        gpu=lambda wildcards: int(run_of(wildcards).settings.trained),
        mem_mb=8000,
        runtime=240,
    params:
        split=lambda wildcards: CONFIG.benchmarks[wildcards.benchmark].split,
        protocol=lambda wildcards: CONFIG.benchmarks[wildcards.benchmark].protocol,
        method=lambda wildcards: run_of(wildcards).settings.method,
        settings=lambda wildcards: set_options(run_of(wildcards).settings),
        run=lambda wildcards: (
            ["--run", f"results/runs/{wildcards.run}"]
            if run_of(wildcards).settings.trained
            else []
        ),
        flow=lambda wildcards, input: [
            f"--flow={path}" for path in input.get("flow", [])
        ],
    shell:
        """
        commonfate predict \
            --manifest {input.manifest:q} \
            $(printf -- '--frames=%s ' {input.frames:q}) {params.flow:q} \
            --method {params.method} {params.settings:q} {params.run:q} \
            --checkpoint {wildcards.checkpoint} \
            --protocol {params.protocol} \
            --split {params.split} \
            --threads {threads} \
            --output {output:q} 2>{log:q}
        """


rule evaluate:
    """Score predictions by one protocol."""
    input:
        predictions="results/predictions/{run}/{benchmark}/{checkpoint}",
        manifest=lambda wildcards: (
            f"results/videos/{CONFIG.benchmarks[wildcards.benchmark].dataset}/manifest.parquet"
        ),
        frames=lambda wildcards: of_shards(
            "results/frames/{dataset}/{shard}.zarr.zip",
            CONFIG.benchmarks[wildcards.benchmark].dataset,
        ),
    output:
        scores="results/evaluations/{run}/{benchmark}/{protocol}.{foreground}.{checkpoint}.json",
        masks=directory(
            "results/evaluations/{run}/{benchmark}/{protocol}.{foreground}.{checkpoint}"
        ),
        sheet="results/evaluations/{run}/{benchmark}/{protocol}.{foreground}.{checkpoint}.png",
    log:
        "results/logs/evaluations/{run}/{benchmark}/{protocol}.{foreground}.{checkpoint}.log",
    benchmark:
        "results/benchmarks/evaluations/{run}/{benchmark}/{protocol}.{foreground}.{checkpoint}.tsv"
    wildcard_constraints:
        protocol="[a-z_]+",
        foreground="[a-z_]+",
    conda:
        "../../envs/commonfate.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    shell:
        """
        commonfate evaluate \
            --predictions {input.predictions:q}/predictions.json \
            --manifest {input.manifest:q} \
            $(printf -- '--frames=%s ' {input.frames:q}) \
            --protocol {wildcards.protocol} \
            --foreground {wildcards.foreground} \
            --output {output.scores:q} 2>{log:q}
        """
