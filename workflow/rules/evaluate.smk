# Evaluation: predict once, then score by each protocol.


def predict_input(wildcards):
    """What predicting reads: frames, ground truth to size and choose by, weights, flow."""
    if wildcards.prediction.endswith(".crf") and not crf.is_installed():
        sys.exit(crf.MISSING)
    run = run_of(wildcards)
    benchmark = CONFIG.benchmarks[wildcards.benchmark]
    dataset = benchmark.dataset
    files = {
        "manifest": f"<results>/videos/{dataset}/manifest.parquet",
        "frames": of_shards("<results>/frames/{dataset}/{shard}.zarr.zip", dataset),
    }
    if run.settings.reads_flow:
        files["flow"] = of_shards(FLOW_STORE, dataset, source=run.flow)
    if run.settings.trained:
        files["checkpoint"] = run.checkpoint
        files["snapshots"] = run.folder / "snapshots"
    elif hasattr(run.settings, "encoder"):
        files["weights"] = run.encoder_files
    if adaptation_steps(wildcards):
        name = run.samples_of((dataset,), benchmark.split)
        files["index"] = f"<results>/samples/{name}/index.parquet"
    return files


def choice_options(wildcards):
    """Options of `commonfate predict` that choose a snapshot as its predictions are scored."""
    which, *chosen_by = wildcards.prediction.split(".")
    if which == "last":
        return []
    return ["--protocol", chosen_by[0], "--foreground", chosen_by[1]]


def adaptation_steps(wildcards):
    """Steps of test-time adaptation that the name of predictions tells, e.g. last.adapt20."""
    found = re.search(r"\.adapt(\d+)", wildcards.prediction)
    return int(found[1]) if found else 0


def crf_options(wildcards):
    """Options of `commonfate predict` for a CRF, where the predictions have one."""
    if not wildcards.prediction.endswith(".crf"):
        return []
    pairs = to_pairs(CONFIG.crf)
    return ["--crf", *(word for pair in pairs for word in ("--crf-set", pair))]


def adaptation_options(wildcards, input, threads):
    """Options of `commonfate predict` for test-time adaptation, where the predictions have it."""
    steps = adaptation_steps(wildcards)
    if not steps:
        return ["--threads", threads]
    seed = run_of(wildcards).seed
    options = ["--adapt-steps", steps, "--index", input.index, "--seed", seed]
    # Videos are adapted side by side; elsewhere processes would only falsify the time per frame.
    return [*options, "--threads", threads, "--workers", threads]


def flow_of_sheet(wildcards):
    """Flow that the sheet of an evaluation shows: what the run learnt from or looks at, if any."""
    run, dataset = run_of(wildcards), CONFIG.benchmarks[wildcards.benchmark].dataset
    if run.flow is None or not CONFIG.datasets[dataset].gaps:
        return []
    return of_shards(FLOW_STORE, dataset, source=run.flow)


def predictions_of(wildcards):
    """Predictions that an evaluation scores."""
    name = plan.prediction(wildcards.variant, wildcards.protocol, wildcards.foreground)
    return f"<results>/predictions/{wildcards.run}/{wildcards.benchmark}/{name}"


rule predict:
    """Segment the annotated frames of a benchmark."""
    input:
        unpack(predict_input),
    output:
        directory("<results>/predictions/{run}/{benchmark}/{prediction}"),
    log:
        "<logs>/predictions/{run}/{benchmark}/{prediction}.log",
    benchmark:
        "<benchmarks>/predictions/{run}/{benchmark}/{prediction}.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: CONFIG.predict_threads
    resources:
        gpu=lambda wildcards: int(run_of(wildcards).settings.trained),
        mem_mb=8000,
        runtime=240,
    params:
        split=lambda wildcards: CONFIG.benchmarks[wildcards.benchmark].split,
        resolution=lambda wildcards: CONFIG.benchmarks[wildcards.benchmark].resolution,
        crop=lambda wildcards: CONFIG.benchmarks[wildcards.benchmark].crop,
        checkpoint=lambda wildcards: wildcards.prediction.split(".")[0],
        crf=crf_options,
        adaptation=adaptation_options,
        choice=choice_options,
        method=lambda wildcards: run_of(wildcards).settings.method,
        settings=lambda wildcards: set_options(run_of(wildcards).settings),
        run=lambda wildcards: (
            ["--run", str(run_of(wildcards).folder)]
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
            --checkpoint {params.checkpoint} {params.choice:q} {params.crf:q} {params.adaptation:q} \
            --split {params.split} \
            --resolution {params.resolution} \
            --crop {params.crop} \
            --output {output:q} 2>{log:q}
        """


rule evaluate:
    """Score predictions by one protocol."""
    input:
        predictions=predictions_of,
        manifest=lambda wildcards: (
            f"<results>/videos/{CONFIG.benchmarks[wildcards.benchmark].dataset}/manifest.parquet"
        ),
        frames=lambda wildcards: of_shards(
            "<results>/frames/{dataset}/{shard}.zarr.zip",
            CONFIG.benchmarks[wildcards.benchmark].dataset,
        ),
        flow=flow_of_sheet,
    output:
        scores="<results>/evaluations/{run}/{benchmark}/{protocol}.{foreground}.{variant}.json",
        masks=directory(
            "<results>/evaluations/{run}/{benchmark}/{protocol}.{foreground}.{variant}"
        ),
        sheet=report(
            "<results>/evaluations/{run}/{benchmark}/{protocol}.{foreground}.{variant}.png",
            caption="../report/sheet.rst",
            category="Sheets",
            subcategory="{benchmark}",
            labels={
                "run": "{run}",
                "scoring": "{protocol}, {foreground}",
                "prediction": "{variant}",
            },
        ),
    log:
        "<logs>/evaluations/{run}/{benchmark}/{protocol}.{foreground}.{variant}.log",
    benchmark:
        "<benchmarks>/evaluations/{run}/{benchmark}/{protocol}.{foreground}.{variant}.tsv"
    wildcard_constraints:
        protocol="[a-z_]+",
        foreground="|".join(evaluation_kinds.rules()),
    conda:
        "../../envs/commonfate.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        scale=CONFIG.scale,
        flow=lambda wildcards, input: [
            f"--flow={path}" for path in input.get("flow", [])
        ],
    shell:
        """
        commonfate evaluate \
            --predictions {input.predictions:q}/predictions.json \
            --manifest {input.manifest:q} \
            $(printf -- '--frames=%s ' {input.frames:q}) {params.flow:q} \
            --protocol {wildcards.protocol} \
            --foreground {wildcards.foreground} \
            --scale {params.scale} \
            --output {output.scores:q} 2>{log:q}
        """
