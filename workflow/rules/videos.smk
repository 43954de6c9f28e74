# Videos: render the embedded data; list a dataset, a shard at a time.


def dataset_options(wildcards):
    """Settings that say which videos there are: no gaps, which are read later, and no shards."""
    return set_options(
        CONFIG.datasets[wildcards.dataset],
        leave_out=("gaps", "pair_gaps", "shard_size"),
    )


rule sprites:
    """Render embedded data: videos with exact ground truth, or still images with masks."""
    output:
        directory("<results>/datasets/{dataset}"),
    log:
        "<logs>/datasets/{dataset}.log",
    benchmark:
        "<benchmarks>/datasets/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(
            name
            for name, one in CONFIG.datasets.items()
            if one.adapter in datasets.RENDERED
        )
        or "none",
    conda:
        "../../envs/commonfate.yaml"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=dataset_options,
    shell:
        """
        commonfate sprites {params.settings:q} \
            --jobs {threads} \
            --output {output:q} 2>{log:q}
        """


rule videos:
    """List the videos of one shard."""
    input:
        rendered=lambda wildcards: rendered(wildcards.dataset),
    output:
        "<results>/videos/{dataset}/inventory/{shard}.parquet",
    log:
        "<logs>/videos/{dataset}/inventory/{shard}.log",
    benchmark:
        "<benchmarks>/videos/{dataset}/inventory/{shard}.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=dataset_options,
        listing=lambda wildcards: as_listed(wildcards.dataset, wildcards.shard),
        shard_size=lambda wildcards: CONFIG.shard_size_of(wildcards.dataset),
        rendered=lambda wildcards: f"{RESULTS}/datasets/{wildcards.dataset}",
    shell:
        """
        commonfate videos \
            --dataset {wildcards.dataset:q} {params.settings:q} \
            --shard-size {params.shard_size} \
            --shard {wildcards.shard} \
            --rendered {params.rendered:q} \
            --output {output:q} 2>{log:q}
        """
