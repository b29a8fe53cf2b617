"""The fixed parts of an exported `train.py`; words in capitals are replaced by what a document needs."""

from __future__ import annotations

from collections.abc import Mapping

from netbuilder.layers.spec import Task

SCORES: Mapping[Task, str] = {
    Task.CLASSIFICATION: '''
        def scores(prediction: Tensor, target: Tensor) -> dict[str, float]:
            """Return the share of right answers."""
            return {"accuracy": (prediction.argmax(dim=1) == target).float().mean().item()}
    ''',
    Task.BINARY: '''
        def scores(prediction: Tensor, target: Tensor) -> dict[str, float]:
            """Return the share of right answers."""
            return {"accuracy": ((prediction > 0) == (target > 0.5)).float().mean().item()}
    ''',
    Task.REGRESSION: '''
        def scores(prediction: Tensor, target: Tensor) -> dict[str, float]:
            """Return the mean absolute errorUNITS, and R2: the share of the variance that is explained."""
            prediction = prediction.reshape(target.shape)
            unexplained = (prediction - target).square().sum(dim=0)
            total = (target - target.mean(dim=0)).square().sum(dim=0)
            return {
                "mae": ERRORS.mean().item(),
                "r2": (1 - unexplained / total).mean().item(),
            }
    ''',
}

LOAD = '''
    def load(part: str) -> Batch:
        """Return all rows of the training, validation or test part."""
        parts: dict[str, Batch] = torch.load(FOLDER / "data.pt", map_location=DEVICE, weights_only=True)
        return parts[part]
'''

BATCHES = '''
    def batches(rows: Batch, generators: list[torch.Generator]) -> Iterator[Batch]:
        """Yield one epoch of shuffled batches; a last one of a single row is left out."""
        counts = [len(rows[names[0]]) for names in SOURCES]
        longest = max(counts)
        orders = []
        for count, generator in zip(counts, generators):  # a shorter source is gone through again
            passes = [torch.randperm(count, generator=generator) for _ in range(0, longest, count)]
            orders.append(torch.cat(passes)[:longest].to(DEVICE).split(BATCH_SIZE))
        for chosen in zip(*orders):
            if len(chosen[0]) > 1 or longest == 1 or BATCH_SIZE == 1:
                yield {name: rows[name][index] for names, index in zip(SOURCES, chosen) for name in names}
'''

EVALUATE = '''
    @torch.no_grad()
    def evaluate(model: nn.Module, rows: Batch) -> dict[str, float]:
        """Return the loss and the scores over all rows."""
        model.eval()
        count = len(next(iter(rows.values())))
        total, predictions = 0.0, []
        for first in range(0, count, ROWS_AT_ONCE):
            batch = {name: values[first : first + ROWS_AT_ONCE] for name, values in rows.items()}
            losses = LOSSES
            total += sum(loss.item() for loss in losses.values()) * min(ROWS_AT_ONCE, count - first)
            PREDICT
        return {"loss": total / count, **SCORED}
'''

FIT = '''
    def fit(model: nn.Module, epochs: int = EPOCHS) -> list[float]:
        """Train, leave the best epoch's weights in the model, and return the loss of every step."""
        rows, held_out = load("train"), load("validation")FORMAT
        generators = [torch.Generator().manual_seed(seed) for seed in SHUFFLING]
        total = sum(1 for _ in EPOCH_BATCHES(rows, [torch.Generator() for _ in SOURCES])) * epochs
        optimizers = new_optimizers(model)SCALER_LIST
        history: list[float] = []LOSS_LISTFIRST_AVERAGE
        best, best_weights, waited = WORST, model.state_dict(), 0
        torch.manual_seed(FIRST_SEED)
        for epoch in range(epochs):
            model.train()RESTING
            for TAKEN in EPOCH_BATCHES(rows, generators):
                history.append(step(model, optimizers, TAKEN, len(history), totalLOSSES))UPDATE_AVERAGE
            PUT_AVERAGEfound = EVALUATION(model, held_out)KEEP_LOSS
            PRINT(f"epoch {epoch + 1}/{epochs}  " + "  ".join(f"{name} {value:.4f}" for name, value in found.items()))
            waited += 1
            if IS_BETTER:
                best, best_weights, waited = found["MONITOR"], copy.deepcopy(model.state_dict()), 0PUT_BACK
            if PATIENCE and waited >= PATIENCE:
                break
        model.load_state_dict(best_weights)
        return history
'''

CHANNELS_LAST = """
    model.to(memory_format=torch.channels_last)"""

COMPUTE = """
    compute_in_precision(model)"""

PRECISION = '''
    def compute_in_precision(model: nn.Module) -> None:
        """Let the model compute in DTYPE and give its results in float32."""
        plain = model.forward

        def forward(*values: Tensor, **named: Tensor) -> Tensor | tuple[Tensor, ...]:
            with torch.autocast(DEVICE, dtype=DTYPE):
                results = plain(*values, **named)
            return tuple(map(full, results)) if isinstance(results, tuple) else full(results)

        model.forward = forward


    def full(value: Tensor) -> Tensor:
        """Return a value of 16 bits as float32."""
        return value.float() if value.dtype == DTYPE else value
'''

SCALERS = '''
    def new_scalers(optimizers: list[torch.optim.Optimizer]) -> list[torch.amp.GradScaler]:
        """Return what keeps each optimizer's gradients in the range of float16."""
        return [torch.amp.GradScaler(DEVICE) for _ in optimizers]
'''

CHANNELS_LAST_ON_CPU = """
    if DEVICE == "cpu":
        model.to(memory_format=torch.channels_last)  # faster there"""

MAIN = '''
    def main() -> None:
        """Train from BEGINNING, test the best ones, save them."""
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--epochs", type=int, default=EPOCHS)
        arguments = parser.parse_args()JOIN
        torch.manual_seed(SEED)
        model = CLASS().to(DEVICE)STARTCONVERT
        fit(model, arguments.epochs)
        found = EVALUATION(model, load("test"))
        PRINT("test  " + "  ".join(f"{name} {value:.4f}" for name, value in found.items()))
        SAVING


    if __name__ == "__main__":
        main()
'''

START = """
        model.load_state_dict(torch.load(FOLDER / "start.pt", map_location=DEVICE, weights_only=True))"""

SAVE = 'torch.save(model.state_dict(), FOLDER / "weights.pt")'

UPDATES = '''
    def updates(rows: Batch, generators: list[torch.Generator]) -> Iterator[list[Batch]]:
        """Yield the batches of each update together."""
        epoch = batches(rows, generators)
        while several := list(itertools.islice(epoch, ACCUMULATION)):
            yield several
'''

AVERAGE = '''
    @torch.no_grad()
    def average(model: nn.Module, averaged: list[Tensor], updates: int) -> None:
        """Move the averaged weights towards the present ones; the first updates are forgotten sooner."""
        decay = min(EMA_DECAY, (1 + updates) / (10 + updates))
        for weight, parameter in zip(averaged, model.parameters()):
            weight.lerp_(parameter, 1 - decay)


    def copy_weights(model: nn.Module) -> list[Tensor]:
        """Return a copy of the weights."""
        return [parameter.detach().clone() for parameter in model.parameters()]


    @torch.no_grad()
    def put_weights(model: nn.Module, weights: list[Tensor]) -> None:
        """Put weights into the model."""
        for weight, parameter in zip(weights, model.parameters()):
            parameter.copy_(weight)
'''

AVERAGING: Mapping[str, str] = {
    "FIRST_AVERAGE": "\n    averaged = copy_weights(model)",
    "UPDATE_AVERAGE": "\n            average(model, averaged, len(history))",
    "PUT_AVERAGE": "present = copy_weights(model)\n        put_weights(model, averaged)\n        ",
    "PUT_BACK": "\n        put_weights(model, present)",
}
"""What the loop does about the averaged weights, if the plan asks for them."""

SHARED_CONSTANTS = """RANK = int(os.environ.get("RANK", 0))  # which of the processes this is, as torchrun says
PROCESSES = int(os.environ.get("WORLD_SIZE", 1))
"""

SHARING = '''
    def say(line: str) -> None:
        """Print a line, in the first process only."""
        if RANK == 0:
            print(line)


    def own_rows(batch: Batch) -> tuple[Batch, float]:
        """Return the rows of a batch that this process computes, and which part of the whole they are."""
        rows = len(next(iter(batch.values())))
        if rows < PROCESSES:  # too few: each process computes all of them
            return batch, 1 / PROCESSES
        own = {name: values[RANK::PROCESSES] for name, values in batch.items()}
        return own, len(next(iter(own.values()))) / rows


    def add_up(optimizer: torch.optim.Optimizer, loss: float) -> float:
        """Add up the gradients and the loss of all processes; returns the loss."""
        if PROCESSES == 1:
            return loss
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        sums = torch.cat([gradients[0].new_tensor([loss]), *(gradient.reshape(-1) for gradient in gradients)])
        dist.all_reduce(sums)
        for gradient, total in zip(gradients, sums[1:].split([gradient.numel() for gradient in gradients])):
            gradient.copy_(total.reshape(gradient.shape))
        return sums[0].item()


    def evaluate_once(model: nn.Module, rows: Batch) -> dict[str, float]:
        """Return what the first process finds, with the statistics of all: all must decide alike."""
        if PROCESSES == 1:
            return evaluate(model, rows)
        for buffer in model.buffers():
            if buffer.is_floating_point():
                dist.all_reduce(buffer)
                buffer.div_(PROCESSES)
        found = [evaluate(model, rows) if RANK == 0 else {}]
        dist.broadcast_object_list(found)
        return found[0]
'''
"""What lets processes share each batch, under torchrun."""

JOIN = """
        if DEVICE == "cuda":
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
        if PROCESSES > 1:
            dist.init_process_group("nccl" if DEVICE == "cuda" else "gloo")"""

CONVERT = """
        if DEVICE == "cuda" and PROCESSES > 1:  # batch normalization over the rows of all processes
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)"""

LEAVE = """if RANK == 0:
            torch.save(model.state_dict(), FOLDER / "weights.pt")
        if PROCESSES > 1:
            dist.destroy_process_group()"""
