"""PyTorch's side of the step benchmark; the models of bench/step/workload.ts.

Reads one JSON request a line from standard input, answers one JSON object a line:
  {"do": "prepare", "case": "mlp"|"cnn"|"gpt"|"lstm",
   "variant": {"name", "threads", "channelsLast", "fused", "sdpa", "compiled"}}
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
BATCH_POOL = 4
SHAPES = {
    "mlp": [(784, 512), (512,), (512, 256), (256,), (256, CLASSES), (CLASSES,)],
    "cnn": [
        (3, 3, 1, 32), (32,), (3, 3, 32, 64), (64,),
        (7 * 7 * 64, 128), (128,), (128, CLASSES), (CLASSES,),
    ],
    "lstm": [*[(128, 512), (128, 512), (512,)] * 2, (128, CLASSES), (CLASSES,)],
}
INPUTS = {"mlp": (784,), "cnn": (28, 28, 1), "gpt": (64,), "lstm": (64, 128)}
BATCH_SIZES = {"mlp": 128, "cnn": 128, "gpt": 16, "lstm": 64}
VOCABULARY, TIME, WIDTH, HEADS, LAYERS = 256, 64, 128, 4, 4


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


class LSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(128, 128, num_layers=2, batch_first=True)
        self.head = nn.Linear(128, CLASSES)
        # PyTorch adds two biases, which Adam would move twice as far as the one of tfjs.
        for name, parameter in self.lstm.named_parameters():
            if name.startswith("bias_hh"):
                parameter.data.zero_()
                parameter.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][:, -1])


class Block(nn.Module):
    def __init__(self, sdpa: bool) -> None:
        super().__init__()
        self.sdpa = sdpa
        self.norm1 = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)

    def attend(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        batch = x.shape[0]
        size = WIDTH // HEADS
        qkv = self.qkv(x).view(batch, TIME, 3, HEADS, size)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        if self.sdpa:
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            scores = query @ key.transpose(-2, -1) * size**-0.5 + mask
            mixed = F.softmax(scores, dim=-1) @ value
        return self.out(mixed.transpose(1, 2).reshape(batch, TIME, WIDTH))

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = x + self.attend(self.norm1(x), mask)
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, sdpa: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Parameter(torch.zeros(TIME, WIDTH))
        self.blocks = nn.ModuleList(Block(sdpa) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        future = torch.full((TIME, TIME), -1e9).triu(1)
        self.register_buffer("mask", future)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embedding(tokens) + self.positions
        for block in self.blocks:
            x = block(x, self.mask)
        return self.head(self.norm(x)).view(-1, VOCABULARY)

    def ordered(self) -> list[nn.Parameter]:
        """The parameters in the order of workload.ts."""
        ends = [*self.norm.parameters(), *self.head.parameters()]
        return [self.embedding.weight, self.positions, *self.blocks.parameters(), *ends]


def set_gpt_weights(model: GPT) -> None:
    parameters = model.ordered()
    for index, parameter in enumerate(parameters):
        if parameter.dim() == 1:
            # Biases and shifts are zero; a factor of a normalisation keeps its ones.
            is_factor = index + 1 < len(parameters) and parameters[index + 1].dim() == 1
            parameter.data.fill_(1.0 if is_factor else 0.0)
            continue
        linear = index >= 2
        shape = tuple(reversed(parameter.shape)) if linear else tuple(parameter.shape)
        bound = np.sqrt(3 / shape[0])
        values = (2 * noise(int(np.prod(shape)), index + 1) - 1) * np.float32(bound)
        tensor = torch.from_numpy(values).reshape(shape)
        parameter.data.copy_(tensor.t() if linear else tensor)


def set_weights(model: nn.Module, case: str) -> None:
    """The weights of workload.ts, which are in the layouts of tfjs (HWIO, in x out, NHWC)."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for index, (parameter, shape) in enumerate(zip(parameters, SHAPES[case], strict=True)):
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
    shape = (BATCH_SIZES[case], *INPUTS[case])
    result = []
    if case == "gpt":
        length = int(np.prod(shape))
        for index in range(BATCH_POOL):
            tokens, labels = (
                torch.from_numpy((noise(length, seed + index) * VOCABULARY).astype(np.int64))
                for seed in (100, 200)
            )
            result.append((tokens.reshape(shape), labels))
        return result
    for index in range(BATCH_POOL):
        inputs = torch.from_numpy(noise(int(np.prod(shape)), 100 + index)).reshape(shape)
        if case == "cnn":
            inputs = inputs.permute(0, 3, 1, 2).contiguous()
        labels = torch.from_numpy((noise(BATCH_SIZES[case], 200 + index) * CLASSES).astype(np.int64))
        result.append((inputs, labels))
    return result


class Variant:
    def __init__(self, case: str, options: dict) -> None:
        self.threads = options["threads"]
        if case == "gpt":
            self.model = GPT(options["sdpa"])
            set_gpt_weights(self.model)
        else:
            self.model = {"mlp": mlp, "cnn": cnn, "lstm": LSTM}[case]()
            set_weights(self.model, case)
        self.data = batches(case)
        if options["channelsLast"]:
            self.model = self.model.to(memory_format=torch.channels_last)
            self.data = [(x.to(memory_format=torch.channels_last), y) for x, y in self.data]
        kind = {"fused": True} if options["fused"] else {"foreach": True}
        self.optimizer = torch.optim.Adam(
            [item for item in self.model.parameters() if item.requires_grad], lr=1e-3, **kind
        )
        # As torch's tutorials do; it needs a C++ compiler, and PyTorch names the reason if it fails.
        self.forward = torch.compile(self.model) if options["compiled"] else self.model
        self.done = 0

    def step(self) -> float:
        inputs, labels = self.data[self.done % BATCH_POOL]
        self.done += 1
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.forward(inputs), labels)
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
