"""The verbs, in the groups that `commonfate --help` shows, and where each is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """A verb: module of this package with a click command `command`, and a line of help."""

    module: str
    help: str


GROUPS = {
    "Your own videos": {
        "try": Verb("first_look", "Draw the optical flow of a video, or of one rendered here."),
        "flow": Verb("flow", "Estimate and store optical flow."),
        "view": Verb("view", "Draw stored flow as pictures or films, with statistics."),
        "convert": Verb("convert", "Convert stored flow from and to other formats."),
    },
    "Stages of the workflow (its rules call them; `flow` is one, too)": {
        "sprites": Verb("sprites", "Render the embedded data: videos with exact ground truth."),
        "videos": Verb("videos", "List a dataset's videos and cut them into shards."),
        "frames": Verb("frames", "Decode one shard of videos into a frame store."),
        "manifest": Verb("manifest", "Gather the shards: which videos are usable, and why not."),
        "samples": Verb("samples", "Index training samples."),
        "train": Verb("train", "Train a method."),
        "predict": Verb("predict", "Segment the frames of a benchmark, or of any videos."),
        "evaluate": Verb("evaluate", "Score predictions by a protocol."),
        "table": Verb("table", "Assemble a result table as CSV, Markdown and LaTeX."),
    },
    "Looking into results": {
        "explain": Verb("explain", "Trace the numbers of a table to their inputs."),
        "flow-quality": Verb("flow_quality", "Measure flow sources where the truth is known."),
    },
    "Weights": {
        "weights": Verb("weights", "List, fetch and check the weights of networks."),
        "train-flow": Verb("train_flow", "Train a flow network on rendered pairs."),
    },
    "Editors": {
        "schema": Verb("schema", "Write the configuration's JSON schema."),
    },
}
VERBS = {name: verb for group in GROUPS.values() for name, verb in group.items()}
EXAMPLES = {
    "commonfate try clip.mp4": "a picture of a video's optical flow",
    "commonfate flow my/videos -o flow": "the flow of videos, stored",
    "snakemake --cores 8 results/tables/table1.csv": "a paper's table, from raw videos",
}
