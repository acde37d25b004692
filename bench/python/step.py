"""PyTorch's side of the step benchmark; the models of bench/step/workload.ts.

Reads one JSON request a line from standard input, answers one JSON object a line:
  {"do": "prepare", "case": "mlp"|"cnn", "variant": {"name", "threads", "channelsLast", "fused"}}
  {"do": "run", "steps": n, "variant": name} -> {"ms": [...], "loss": last}
"""

import json
import resource
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

CLASSES = 10
BATCH_SIZE = 128
BATCH_POOL = 4
SHAPES = {
    "mlp": [(784, 512), (512,), (512, 256), (256,), (256, CLASSES), (CLASSES,)],
    "cnn": [
        (3, 3, 1, 32), (32,), (3, 3, 32, 64), (64,),
        (7 * 7 * 64, 128), (128,), (128, CLASSES), (CLASSES,),
    ],
}
INPUTS = {"mlp": (784,), "cnn": (28, 28, 1)}


def noise(count: int, seed: int) -> np.ndarray:
    value = np.sin(np.arange(count) * 12.9898 + seed * 78.233) * 43758.5453
    return (value - np.floor(value)).astype(np.float32)


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, CLASSES)
    )


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(7 * 7 * 64, 128), nn.ReLU(), nn.Linear(128, CLASSES),
    )


def set_weights(model: nn.Module, case: str) -> None:
    """The weights of workload.ts, which are in the layouts of tfjs (HWIO, in x out, NHWC)."""
    for index, (parameter, shape) in enumerate(zip(model.parameters(), SHAPES[case], strict=True)):
        size = int(np.prod(shape))
        if len(shape) == 1:
            values = np.zeros(size, np.float32)
        else:
            bound = np.sqrt(3 * shape[-1] / size)
            values = (2 * noise(size, index + 1) - 1) * np.float32(bound)
        tensor = torch.from_numpy(values).reshape(shape)
        if len(shape) == 4:
            tensor = tensor.permute(3, 2, 0, 1)
        elif case == "cnn" and shape[0] == 7 * 7 * 64:
            tensor = tensor.reshape(7, 7, 64, 128).permute(3, 2, 0, 1).reshape(128, -1)
        elif len(shape) == 2:
            tensor = tensor.t()
        parameter.data.copy_(tensor)


def batches(case: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    shape = (BATCH_SIZE, *INPUTS[case])
    result = []
    for index in range(BATCH_POOL):
        inputs = torch.from_numpy(noise(int(np.prod(shape)), 100 + index)).reshape(shape)
        if case == "cnn":
            inputs = inputs.permute(0, 3, 1, 2).contiguous()
        labels = torch.from_numpy((noise(BATCH_SIZE, 200 + index) * CLASSES).astype(np.int64))
        result.append((inputs, labels))
    return result


class Variant:
    def __init__(self, case: str, options: dict) -> None:
        self.threads = options["threads"]
        self.model = {"mlp": mlp, "cnn": cnn}[case]()
        set_weights(self.model, case)
        self.data = batches(case)
        if options["channelsLast"]:
            self.model = self.model.to(memory_format=torch.channels_last)
            self.data = [(x.to(memory_format=torch.channels_last), y) for x, y in self.data]
        kind = {"fused": True} if options["fused"] else {"foreach": True}
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, **kind)
        self.done = 0

    def step(self) -> float:
        inputs, labels = self.data[self.done % BATCH_POOL]
        self.done += 1
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.model(inputs), labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def run(self, steps: int) -> dict:
        torch.set_num_threads(self.threads)
        ms = []
        loss = float("nan")
        for _ in range(steps):
            start = time.perf_counter()
            loss = self.step()
            ms.append((time.perf_counter() - start) * 1e3)
        return {"ms": ms, "loss": loss}


def main() -> None:
    # As this runtime does: gradients of a learnt batch become denormal, which no step should pay.
    torch.set_flush_denormal(True)
    variants: dict[str, Variant] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "prepare":
                options = request["variant"]
                variants[options["name"]] = Variant(request["case"], options)
                answer = {"ms": [], "version": torch.__version__}
            else:
                answer = variants[request["variant"]].run(request["steps"])
                answer["peakMb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        except Exception as error:  # reported, the benchmark goes on without this subject
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
