# Quality of flow: every source against the exact flow of the rendered videos, in one table.

import os


def real_frames():
    """Folder of real frames for the photometric error: DAVIS, where it is at hand."""
    configured = [
        dataset.root
        for dataset in CONFIG.datasets.values()
        if dataset.adapter == "davis"
    ]
    named = os.environ.get("COMMONFATE_DAVIS_DIR")
    folders = [*configured, *([Path(named)] if named else [])]
    return [str(folder) for folder in folders if folder.is_dir()][:1]


rule flow_quality:
    """Measure one flow source on one dataset whose flow is known exactly."""
    input:
        lambda wildcards: rendered(wildcards.dataset),
        manifest="<results>/videos/{dataset}/manifest.parquet",
        frames=lambda wildcards: of_shards(
            "<results>/frames/{dataset}/{shard}.zarr.zip", wildcards.dataset
        ),
        flow=lambda wildcards: of_shards(
            FLOW_STORE, wildcards.dataset, source=wildcards.source
        ),
    output:
        "<results>/flow_quality/{dataset}/{source}.json",
    log:
        "<logs>/flow_quality/{dataset}/{source}.log",
    benchmark:
        "<benchmarks>/flow_quality/{dataset}/{source}.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: 2
    resources:
        gpu=lambda wildcards: int(needs_gpu(wildcards.source)),
        mem_mb=8000,
        runtime=240,
    params:
        frames_of=[f"--frames-of={folder}" for folder in real_frames()],
    shell:
        """
        commonfate flow-quality measure \
            --dataset {wildcards.dataset} \
            --source {wildcards.source} \
            --manifest {input.manifest:q} \
            $(printf -- '--frames=%s ' {input.frames:q}) \
            $(printf -- '--flow=%s ' {input.flow:q}) {params.frames_of:q} \
            --threads {threads} \
            --output {output:q} 2>{log:q}
        """


rule flow_quality_table:
    """Put all flow sources into one table."""
    input:
        expand(
            "<results>/flow_quality/{dataset}/{source}.json",
            dataset=CONFIG.flow_quality.datasets,
            source=CONFIG.flow_quality.sources,
        ),
    output:
        csv="<results>/tables/flow_quality.csv",
        markdown="<results>/tables/flow_quality.md",
        provenance="<results>/tables/flow_quality.provenance.json",
    log:
        "<logs>/tables/flow_quality.log",
    benchmark:
        "<benchmarks>/tables/flow_quality.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        scale=CONFIG.scale,
    shell:
        """
        commonfate flow-quality table {input:q} \
            --scale {params.scale} \
            --output {output.csv:q} 2>{log:q}
        """
