# Flow: all gaps of one shard in one job, so that each frame is read once for all its pairs.

# What was left out is tried again whenever a job runs, also by `--forcerun flow`.

# No param of the rule: flow does not depend on it, so that no job runs again when it changes.
BATCH_SIZE = f"--batch-size {CONFIG.flow.batch_size}" if CONFIG.flow.batch_size else ""


rule flow:
    """Estimate and store the flow of one shard."""
    input:
        report="<results>/frames/{dataset}/{shard}.parquet",
        frames="<results>/frames/{dataset}/{shard}.zarr.zip",
    output:
        # Not deleted when the job runs again: the flow of videos that are the same is kept.
        update(directory(FLOW_STORE) if CONFIG.flow.container == "tiff" else FLOW_STORE),
    log:
        "<logs>/flow/{dataset}/{source}/{shard}.log",
    benchmark:
        "<benchmarks>/flow/{dataset}/{source}/{shard}.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: 2
    resources:
        gpu=lambda wildcards: int(needs_gpu(wildcards.source)),
        mem_mb=8000,
        runtime=480,
    params:
        gaps=lambda wildcards: [
            f"--gap={gap}" for gap in CONFIG.datasets[wildcards.dataset].gaps
        ],
        source=lambda wildcards: set_options(CONFIG.flow.sources[wildcards.source]),
        container=CONFIG.flow.container,
        tiff_layout=CONFIG.flow.tiff_layout,
        steps_per_pixel=CONFIG.flow.steps_per_pixel,
    shell:
        """
        commonfate flow \
            --manifest {input.report:q} \
            --frames {input.frames:q} {params.gaps} {params.source:q} \
            --container {params.container} \
            --tiff-layout {params.tiff_layout} \
            --steps-per-pixel {params.steps_per_pixel} {BATCH_SIZE} \
            --threads {threads} \
            --retry \
            --output {output:q} 2>{log:q}
        """
