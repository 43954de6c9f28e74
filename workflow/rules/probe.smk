# Probes: scores of features by a protocol, of the views that other protocols share.


def probe_input(wildcards):
    """What a protocol reads: features, or flow, of the scored data and of those it fits on; truth."""
    benchmark = CONFIG.benchmarks[wildcards.benchmark]
    dataset = benchmark.dataset
    files = {
        "manifest": f"<results>/videos/{dataset}/manifest.parquet",
        "frames": of_shards("<results>/frames/{dataset}/{shard}.zarr.zip", dataset),
        "features": views_of(wildcards, benchmark.split),
    }
    if sees_training_images_anew(wildcards):
        files["weights"] = run_of(wildcards).encoder_files
    elif benchmark.fits:
        files["fitted"] = views_of(wildcards, benchmark.fit_split)
    if benchmark.reads_boxes:
        files["boxes"] = f"<results>/videos/{dataset}/boxes.parquet"
    run = run_of(wildcards)
    if run.settings.reads_flow:
        files["flow"] = of_shards(FLOW_STORE, dataset, source=run.flow)
    return files


def sees_training_images_anew(wildcards):
    """True if a head's training images pass through the encoder in each epoch."""
    benchmark = CONFIG.benchmarks[wildcards.benchmark]
    return feature_settings.augments(benchmark.settings_of(run_of(wildcards).settings))


def probe_options(wildcards):
    """Options of `commonfate probe` that a benchmark determines."""
    benchmark = CONFIG.benchmarks[wildcards.benchmark]
    options = ["--split", benchmark.split]
    if benchmark.fits:
        options += ["--train-split", benchmark.fit_split]
    if sees_training_images_anew(wildcards):
        options += run_of(wildcards).encoder
    if hasattr(benchmark, "clip_length"):
        options += ["--clip-length", benchmark.clip_length]
    settings = benchmark.settings_of(run_of(wildcards).settings)
    return list(map(str, options)) + (set_options(settings) if settings else [])


def probe_files(option, key):
    """Inputs of one kind as options."""
    return lambda wildcards, input: [f"{option}={path}" for path in listed(input, key)]


def listed(input, key):
    """Inputs of one kind, none, one or several."""
    paths = input.get(key, [])
    return [paths] if isinstance(paths, str) else list(paths)


rule probe:
    """Score the features of a run by one protocol."""
    input:
        unpack(probe_input),
    output:
        scores="<results>/evaluations/{run}/{benchmark}/{scoring}.{protocol}.last.json",
        scored=directory(
            "<results>/evaluations/{run}/{benchmark}/{scoring}.{protocol}.last"
        ),
        sheet=report(
            "<results>/evaluations/{run}/{benchmark}/{scoring}.{protocol}.last.png",
            caption="../report/probe.rst",
            category="Sheets",
            subcategory="{benchmark}",
            labels={
                "run": "{run}",
                "scoring": "{scoring}, {protocol}",
                "prediction": "features",
            },
        ),
    log:
        "<logs>/evaluations/{run}/{benchmark}/{scoring}.{protocol}.last.log",
    benchmark:
        "<benchmarks>/evaluations/{run}/{benchmark}/{scoring}.{protocol}.last.tsv"
    wildcard_constraints:
        scoring="leak_free|released",
        protocol="|".join(PROTOCOLS),
    conda:
        "../../envs/commonfate.yaml"
    threads: CONFIG.predict_threads
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=480,
    params:
        options=probe_options,
        features=probe_files("--features", "features"),
        fitted=probe_files("--train-features", "fitted"),
        boxes=probe_files("--boxes", "boxes"),
        flow=probe_files("--flow", "flow"),
        scale=CONFIG.scale,
    shell:
        """
        commonfate probe \
            --protocol {wildcards.protocol} --scoring {wildcards.scoring} \
            --manifest {input.manifest:q} \
            $(printf -- '--frames=%s ' {input.frames:q}) \
            {params.features:q} {params.fitted:q} {params.boxes:q} {params.flow:q} \
            {params.options:q} --scale {params.scale} --threads {threads} \
            --output {output.scores:q} >{log:q} 2>&1
        """
