# Videos: render the embedded data; list a dataset and cut it into shards.


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
        settings=lambda wildcards: set_options(
            CONFIG.datasets[wildcards.dataset], leave_out=("pair_gaps",)
        ),
    shell:
        """
        commonfate sprites {params.settings:q} \
            --jobs {threads} \
            --output {output:q} 2>{log:q}
        """


rule videos:
    """List a dataset's videos and cut them into shards."""
    input:
        rendered=lambda wildcards: rendered(wildcards.dataset),
    output:
        "<results>/videos/{dataset}/inventory.parquet",
    log:
        "<logs>/videos/{dataset}/inventory.log",
    benchmark:
        "<benchmarks>/videos/{dataset}/inventory.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=lambda wildcards: set_options(
            CONFIG.datasets[wildcards.dataset], leave_out=("pair_gaps",)
        ),
        shard_size=CONFIG.shard_size,
        rendered=lambda wildcards: f"{RESULTS}/datasets/{wildcards.dataset}",
    shell:
        """
        commonfate videos \
            --dataset {wildcards.dataset:q} {params.settings:q} \
            --shard-size {params.shard_size} \
            --rendered {params.rendered:q} \
            --output {output:q} 2>{log:q}
        """
