# Frames: decode each shard, then gather which videos are usable.

# What is too short for the gaps of the flow is known afterwards (`manifest`, `flow`): other gaps
# decode nothing again. Nor does the quality of a codec that is not used.
QUALITY = f"--quality {CONFIG.frames.quality}" if CONFIG.frames.codec == "jpeg" else ""


rule frames:
    """Decode one shard of videos; frames that a dataset ships are checked and read in place."""
    input:
        inventory="<results>/videos/{dataset}/inventory/{shard}.parquet",
        rendered=lambda wildcards: rendered(wildcards.dataset),
    output:
        store="<results>/frames/{dataset}/{shard}.zarr.zip",
        report="<results>/frames/{dataset}/{shard}.parquet",
    log:
        "<logs>/frames/{dataset}/{shard}.log",
    benchmark:
        "<benchmarks>/frames/{dataset}/{shard}.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        backend=CONFIG.decode.backend,
        timeout_s=CONFIG.decode.timeout_s,
        deinterlace="--deinterlace" if CONFIG.decode.deinterlace else "",
        codec=CONFIG.frames.codec,
        quality=QUALITY,
    shell:
        """
        commonfate frames \
            --inventory {input.inventory:q} \
            --shard {wildcards.shard} \
            --gap 0 \
            --backend {params.backend} \
            --timeout-s {params.timeout_s} {params.deinterlace} \
            --codec {params.codec} {params.quality} \
            --report {output.report:q} \
            --output {output.store:q} 2>{log:q}
        """


rule manifest:
    """Gather the shards: which videos are usable, which are left out and why."""
    input:
        reports=lambda wildcards: of_shards(
            "<results>/frames/{dataset}/{shard}.parquet", wildcards.dataset
        ),
    output:
        "<results>/videos/{dataset}/manifest.parquet",
    log:
        "<logs>/videos/{dataset}/manifest.log",
    benchmark:
        "<benchmarks>/videos/{dataset}/manifest.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        gap=lambda wildcards: min(
            map(abs, CONFIG.datasets[wildcards.dataset].gaps), default=0
        ),
    shell:
        """
        commonfate manifest {input.reports:q} \
            --gap {params.gap} \
            --dataset {wildcards.dataset:q} \
            --output {output:q} >{log:q} 2>&1
        """


rule boxes:
    """List the boxes of a dataset's objects: its own, or those of its masks."""
    input:
        manifest="<results>/videos/{dataset}/manifest.parquet",
        shipped=lambda wildcards: datasets.box_files(CONFIG.datasets[wildcards.dataset]),
    output:
        "<results>/videos/{dataset}/boxes.parquet",
    log:
        "<logs>/videos/{dataset}/boxes.log",
    benchmark:
        "<benchmarks>/videos/{dataset}/boxes.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=dataset_options,
    shell:
        """
        commonfate boxes \
            --dataset {wildcards.dataset:q} {params.settings:q} \
            --manifest {input.manifest:q} \
            --output {output:q} 2>{log:q}
        """
