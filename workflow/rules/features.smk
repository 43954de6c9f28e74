# Features of encoders: a store for each run, data set, view and shard, shared by all protocols.


# Names of the protocols, which are rules of evaluations of features.
PROTOCOLS = evaluation_kinds.KINDS["features"].rules


def frames_of_selection(wildcards):
    """Split and frames of a store of features, e.g. `val`, `val.all`, as options."""
    split, _, every = wildcards.selection.partition(".")
    return ["--split", split, "--frames-of", every or "annotated"]


def selection_of(split, benchmark):
    """Name of a split and its frames in the path of a store of features."""
    return split if benchmark.frames_of == "annotated" else f"{split}.all"


def views_of(wildcards, split):
    """Stores of the view that a benchmark scores, or fits on, for every shard."""
    benchmark = CONFIG.benchmarks[wildcards.benchmark]
    if not benchmark.reads_features(run_of(wildcards).settings):
        return []
    return of_shards(
        "<results>/features/{run}/last/{dataset}-{selection}/{view}/{shard}.zarr.zip",
        benchmark.dataset,
        run=wildcards.run,
        selection=selection_of(split, benchmark),
        view=str(benchmark.checked_view()),
    )


rule features:
    """Extract a view of the features of a shard."""
    input:
        manifest="<results>/videos/{dataset}/manifest.parquet",
        frames="<results>/frames/{dataset}/{shard}.zarr.zip",
        weights=lambda wildcards: run_of(wildcards).encoder_files,
    output:
        # Not deleted when the job runs again: features of frames that are the same are kept.
        update(
            "<results>/features/{run}/last/{dataset}-{selection}/{view}/{shard}.zarr.zip"
        ),
    log:
        "<logs>/features/{run}/{dataset}-{selection}/{view}/{shard}.log",
    benchmark:
        "<benchmarks>/features/{run}/{dataset}-{selection}/{view}/{shard}.tsv"
    wildcard_constraints:
        selection=r"(train|val|all)(\.all)?",
        view=r"[a-z0-9]+\.[a-z+]+",
    conda:
        "../../envs/commonfate.yaml"
    threads: CONFIG.predict_threads
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=240,
    params:
        encoder=lambda wildcards: run_of(wildcards).encoder,
        selection=frames_of_selection,
        # No option: stores of another format are made anew.
        store_format=feature_info.FORMAT,
    shell:
        """
        commonfate features \
            --manifest {input.manifest:q} --frames {input.frames:q} \
            --shard $((10#{wildcards.shard})) {params.selection:q} \
            {params.encoder:q} --view {wildcards.view:q} --threads {threads} \
            --output {output:q} >{log:q} 2>&1
        """
