"""The session's protocol: states, commands and telemetry as plain values.

No torch, no Qt: everything here is frozen, picklable and made of numbers, strings and read-only numpy arrays, so that
a session can run on a thread or in a process of its own, and a window, a terminal or a test can watch it alike.
Commands go in, the watcher pulls telemetry out; the trainer never waits for anybody who watches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from netbuilder.document.model import Document
from netbuilder.foundation.problem import Problem
from netbuilder.training.moments import Moment

if TYPE_CHECKING:  # plain values need numpy for their types only
    import numpy as np
    from numpy.typing import NDArray


class State(StrEnum):
    """Where a session stands.

    A run that has ENDED or FAILED leaves its network behind, if it came that far, until the next Start: a Watch is then
    answered all the same, and the state stays as it is.
    """

    IDLE = "idle"
    STARTING = "starting"  # reading data, compiling, building
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"  # finishing a step, saving
    ENDED = "ended"
    FAILED = "failed"

    @property
    def is_active(self) -> bool:
        """Whether the session goes on: it has a thread and obeys every command."""
        return self in (State.STARTING, State.RUNNING, State.PAUSED, State.STOPPING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Begin a run; what an earlier one left behind is dropped.

    Attributes:
        document: What to train.
        folder: The run's folder, created by the session; holds checkpoints and the run store.
        base: The folder that relative file names in the document are relative to.
        runs: The project's folder of runs, in which the weights to start from are.
        device: "cpu", "cuda:0", "mps"; "cpu x2", "cuda x4" for several that share each batch.
        paused: Build everything, then wait for Resume or Step.
        snapshots: How many bytes the run's snapshots may take; 0 keeps none.
        snapshots_together: How many those of all runs in the same folder may take; None sets no limit.
        state: A file with a training's state (`netbuilder.training.state`) to begin from; "" begins afresh.
        resume: Go on in `folder` from the state that the run there left; its record goes on, too.
        recorded: Train what the run's record says in place of `document`, which was changed since; of a resumed run.
        because: Why the run goes on by itself, for people; "" when somebody asked for it.
        tempo: Steps a second at most; 0 for as fast as it goes. See `Tempo`.
        moment: With `resume`: the step of the snapshot to go on from instead; what came after it becomes a run of its
            own. None goes on from the newest state.
        revisit: Train nothing: make what the run in `folder` left behind, so that a Watch and a Look are answered.
    """

    document: Document
    folder: str
    base: str = ""
    runs: str = ""
    device: str = "cpu"
    paused: bool = False
    snapshots: int = 0
    snapshots_together: int | None = None
    state: str = ""
    resume: bool = False
    recorded: bool = False
    because: str = ""
    tempo: float = 0.0
    moment: int | None = None
    revisit: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait after the current step."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on."""


@dataclass(frozen=True, slots=True)
class Step:
    """Do one batch (or go to the end of the epoch), then pause."""

    unit: str = "batch"  # or "epoch"


@dataclass(frozen=True, slots=True)
class Tempo:
    """Train no faster than so, for people who watch; what is computed is the same.

    Attributes:
        steps: Steps a second at most; 0 for as fast as it goes.
    """

    steps: float = 0.0


@dataclass(frozen=True, slots=True)
class Stop:
    """Finish the current step, save, end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Choose what the probe looks at.

    While a run is paused, and when it has ended or failed, the pictures are drawn at once: they are there when
    `Progress.acknowledged` tells the command's number. After the end they show the network with its best weights (those
    that were tested), or with the last ones when no epoch was finished.

    Attributes:
        nodes: Paths of the nodes that are drawn in full: those selected.
        sample: Which of the fixed samples.
        in_view: Paths of the nodes whose faces are seen: only they get THUMBS and BARS. None means all.
        gradient_flow: Whether to measure FLOW.
        histograms: Whether every look draws WEIGHTS, GRADIENTS and VALUES of all nodes; else only those looks do that
            are recorded, which are ever fewer.
    """

    nodes: tuple[str, ...] = ()
    sample: int = 0
    in_view: frozenset[str] | None = None
    gradient_flow: bool = False
    histograms: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """Measure how long each node takes forward and backward, then go on as if nothing had been.

    It is done on the training's next batch; weights, statistics and random numbers are as before.

    Attributes:
        steps: How many measured passes each figure is the median of.
    """

    steps: int = 10


@dataclass(frozen=True, slots=True)
class Look:
    """Show the network as it was at a snapshot, or as it is now; the training goes on all the same.

    The pictures are drawn at once, those of a running session between two steps. They stay those of the snapshot, and a
    Watch is answered with it, until another Look.

    Attributes:
        step: One of `Timeline.moments`; None for now.
    """

    step: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Keep a snapshot of this moment, whatever the schedule says."""


@dataclass(frozen=True, slots=True)
class Rewind:
    """Go back to a snapshot and on from there; a paused session stays paused.

    What came after it is left behind as a run of its own. Answered by a "rewind" event.

    Attributes:
        step: One of `Timeline.moments`.
    """

    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Take over an edited document between two steps, or go back to before a change; answered by a "change" event.

    What is the same as before goes on as if nothing had happened. Should it be impossible, the run goes on as it was.

    Attributes:
        document: What to train from now on. Its data nodes, seed and monitor must be those of the run.
        state: The file of a training state to go back to ("before" of a "change" event); "" goes on from where it is.
    """

    document: Document
    state: str = ""


Command: TypeAlias = Start | Pause | Resume | Step | Tempo | Stop | Watch | Profile | Look | Snapshot | Rewind | Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is.

    Attributes:
        state: The session's state.
        step: Batches done, counted from the start of the run.
        steps: Batches in all, 0 while unknown.
        epoch: Epochs done (the one in progress is epoch + 1).
        epochs: Epochs in all.
        rate: Steps a second, over the last second or so.
        seconds_left: Estimated; None while unknown.
        device: Where it runs, for people: "CPU", "NVIDIA H200 (cuda:0)".
        acknowledged: The number of the last command that took effect.
    """

    state: State = State.IDLE
    step: int = 0
    steps: int = 0
    epoch: int = 0
    epochs: int = 0
    rate: float = 0.0
    seconds_left: float | None = None
    device: str = ""
    acknowledged: int = 0


@dataclass(frozen=True, slots=True)
class Points:
    """New points of one series: equally long arrays, steps ascending (int64) and values (float64)."""

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


class PictureKind(StrEnum):
    """What a picture shows; `Picture.data` has the shape given here."""

    THUMBS = "thumbs"  # uint8 (k, h, w): up to 3 maps of a node's first output, for its face
    BARS = "bars"  # float32 (n,): a vector output (n <= 64) of one sample, for the node's face
    SAMPLES = "samples"  # uint8 (k, h, w) or (k, h, w, 3): the probe's samples of a data node
    POINTS = "points"  # float32 (n, 3): x, y and class or value of a data node's 2-d points, for its face
    MAPS = "maps"  # float32 (c, h, w): all maps of a watched node for the chosen sample; extent[:2] = min, max
    VECTOR = "vector"  # float32 (n,): a watched node's vector output for the chosen sample
    WEIGHTS = "weights"  # float32 (bins,): histogram counts of a node's weights over extent[:2]
    GRADIENTS = "gradients"  # float32 (bins,): likewise of its gradients
    VALUES = "values"  # float32 (bins,): likewise of its first output, for all samples
    KERNELS = "kernels"  # float32 (k, h, w): a watched node's weight as little pictures
    BOUNDARY = "boundary"  # float32 (h, w): class probability or value over extent = x0, y0, x1, y1
    DEAD = "dead"  # float32 (2,): how many units of an activation are at one of `extent` for all samples; of how many
    FLOW = "flow"  # float32 (n,): norm of the loss's gradient at the outputs in `labels`; extent[0] = where it starts
    MISTAKES = "mistakes"  # uint8 (k, h, w) or (k, h, w, 3), h = 0 without images; extent: k times truth, guess, chance
    CONFUSION = "confusion"  # int64 (classes, classes): rows are the truth; of the last validation


LASTING: Final = frozenset({PictureKind.SAMPLES, PictureKind.POINTS})
"""Pictures that are of no moment of a run: those of the data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The newest picture of one kind for one node; an older one is of no use.

    Attributes:
        kind: What it shows.
        node: The node path; "" for pictures of the whole network.
        step: The step whose weights it shows.
        data: A read-only array; see `PictureKind`.
        extent: Numbers that give the data its scale; see `PictureKind`.
        labels: Class names, when the axes are classes; of FLOW, node paths, with ".<field>" behind a
            data node's, ".<port>" behind that of a node with several outputs.
        caption: For people: "256 of 512 maps" when not everything is in `data`, else "32 maps";
            of DEAD "24 of 64 channels are 0 for all 16 samples".
        sample: Which of the fixed samples it is of, from 0 (THUMBS, BARS, MAPS, VECTOR); -1 where that does not matter.
    """

    kind: PictureKind
    node: str
    step: int
    data: NDArray[Any]
    extent: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    caption: str = ""
    sample: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The moments of a run that can be looked back at.

    Attributes:
        moments: In order.
        shown: The step of the moment that the pictures show; None for now.
    """

    moments: tuple[Moment, ...] = ()
    shown: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened once: none is ever lost.

    Attributes:
        kind: "log", "epoch", "checkpoint", "problem", "profile", "change", "crash" (a defect of ours), "end" (always
            the last of a run; what follows is about commands and pictures after it).
        text: One line for people.
        step: When.
        data: "epoch": {"epoch", "metrics", "best", "train_loss"}; "checkpoint": {"path", "best"};
            "profile": see `netbuilder.training.profile`; "change": see `netbuilder.training.changing`;
            "crash": {"traceback"}; "resume" (a run goes on from its state): {"step", "epoch", "rewound"}, and "cause"
            when it does so by itself; "revival" (it is about to, in another process): {"cause", "report"};
            "end": {"test", "reason", "folder", "best_epoch"}, the reason being "finished", "early stopping", "stopped"
            or "failed".
        problems: For "problem", and for a "change" that was refused.
    """

    kind: str
    text: str
    step: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """Everything new since the last drain.

    Attributes:
        progress: Now.
        series: Series name -> new points: "loss/train", "loss/validation", "<metric>/validation", "learning_rate",
            "learning_rate/<phase>" and "learning_rate/<phase>/<group>" where there are several, "gradient_norm", those
            of layers and of the computer: see `netbuilder.training.series_names`.
        pictures: The newest of each (kind, node) that changed.
        events: In order.
        timeline: Where it is another one than before, else None. When its `shown` is another one, `pictures` are all
            that there is of that moment.
    """

    progress: Progress = Progress()
    series: Mapping[str, Points] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    events: tuple[Event, ...] = ()
    timeline: Timeline | None = None


GRACE: Final = 5.0
"""Seconds that a host gives a session elsewhere to end by itself, unless it is told otherwise."""


class SessionHost(Protocol):
    """Where a session runs.

    Every method may be called from the watcher's thread and returns at once, `wait` excepted.
    """

    def send(self, command: Command) -> int:
        """Queue a command; returns its number (see `Progress.acknowledged`)."""
        ...

    def drain(self) -> Telemetry:
        """Take what is new. One watcher drains a host."""
        ...

    @property
    def state(self) -> State:
        """The session's state now."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the session to end or fail, and for pictures being drawn after that.

        Returns:
            False when the time ran out first.
        """
        ...

    def close(self) -> None:
        """Drop what an ended run left behind: a Watch is ignored from now on. A run in progress is left alone."""
        ...

    def leave(self, patience: float = GRACE) -> None:
        """Give everything back at the end of the program, after `wait`; the host is of no use afterwards.

        Args:
            patience: Seconds that what still runs elsewhere is given to save and to end by itself.
        """
        ...
