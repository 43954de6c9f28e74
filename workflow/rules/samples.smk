# Samples: what a training sample is made of.


def of_datasets(pattern, wildcards, **others):
    """Paths of one product for every shard of every dataset that a name joins by `+`."""
    return [
        path
        for dataset in wildcards.datasets.split("+")
        for path in of_shards(pattern, dataset, **others)
    ]


def options_of(name, paths, wildcards):
    """Paths of `of_datasets` as options that say which dataset each is of."""
    owners = [
        dataset
        for dataset in wildcards.datasets.split("+")
        for _ in (shards(dataset) if paths else [])
    ]
    return [
        f"--{name}={owner}={path}" for owner, path in zip(owners, paths, strict=True)
    ]


def sample_kind(wildcards):
    """What a sample is, by the flow source or the kind that its name ends in."""
    return kinds.of_source(wildcards.source)


def pair_gaps(wildcards):
    """The gaps of pairs, as options: those of each dataset."""
    if not sample_kind(wildcards).has_pair_gaps:
        return []
    return [
        f"--gap={dataset}={gap}"
        for dataset in wildcards.datasets.split("+")
        for gap in CONFIG.datasets[dataset].pair_gaps
    ]


rule samples:
    """Index the training samples of one split and source, of one dataset or several."""
    input:
        manifest=lambda wildcards: expand(
            "<results>/videos/{dataset}/manifest.parquet",
            dataset=wildcards.datasets.split("+"),
        ),
        frames=lambda wildcards: of_datasets(
            "<results>/frames/{dataset}/{shard}.zarr.zip", wildcards
        ),
        flow=lambda wildcards: (
            of_datasets(FLOW_STORE, wildcards, source=wildcards.source)
            if sample_kind(wildcards).has_flow
            else []
        ),
    output:
        "<results>/samples/{datasets}-{split}-{source}/index.parquet",
    log:
        "<logs>/samples/{datasets}-{split}-{source}/index.log",
    benchmark:
        "<benchmarks>/samples/{datasets}-{split}-{source}/index.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        learns_from=lambda wildcards: sample_kind(wildcards).name,
        gaps=pair_gaps,
        frames=lambda wildcards, input: options_of("frames", input.frames, wildcards),
        flow=lambda wildcards, input: options_of("flow", input.flow, wildcards),
    shell:
        """
        commonfate samples \
            $(printf -- '--manifest=%s ' {input.manifest:q}) \
            --learns-from {params.learns_from} {params.gaps:q} \
            --split {wildcards.split} \
            {params.frames:q} {params.flow:q} \
            --output {output:q} 2>{log:q}
        """
