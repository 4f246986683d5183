# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes one layer in PyTorch to 90 % sparsity with PyTorch's optimizer: python3 train.py libpst_c.so

Before that, outputs and gradients are compared with autograd's for the same mask and factors. Exit code 77: no PyTorch.
"""
import ctypes
import sys

try:
    import torch
except ImportError:
    print("skipped: PyTorch is not installed")
    sys.exit(77)
from pst_linear import PstLinear

torch.manual_seed(1)
torch.set_num_threads(1)
library = ctypes.CDLL(sys.argv[1])


def compare_with_autograd():
    linear = torch.nn.Linear(64, 48)
    layer = PstLinear(library, linear, "pst sparsity=0.7 schedule=constant straight_through=masked scores=rest-0")
    with torch.no_grad():
        layer.values.normal_(std=0.1)
    layer.begin_step(1, 2)
    rank, mask = 8, layer.masked_weight() != 0
    u = layer.values[: 48 * rank].detach().reshape(48, rank).clone().requires_grad_()
    v = layer.values[48 * rank : (48 + 64) * rank].detach().reshape(rank, 64).clone().requires_grad_()
    x, other_x = torch.randn(3, 5, 64, requires_grad=True), None
    other_x = x.detach().clone().requires_grad_()
    layer(x).square().sum().backward()
    torch.nn.functional.linear(other_x, mask * (linear.weight + u @ v), linear.bias).square().sum().backward()
    found, expected = layer.values.grad[: (48 + 64) * rank], torch.cat([u.grad.flatten(), v.grad.flatten()])
    for name, a, b in (("values", found, expected), ("x", x.grad, other_x.grad)):
        error = ((a - b).norm() / b.norm()).item()
        print(f"gradient of {name}: {error:.1e} from autograd's")
        assert error < 1e-5


def train():
    teacher, steps = torch.nn.Linear(64, 48), 200
    model = torch.nn.Sequential(PstLinear(library, torch.nn.Linear(64, 48), "pst sparsity=0.9"))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0)
    for step in range(1, steps + 1):
        model[0].begin_step(step, steps)
        x = torch.randn(256, 64)
        loss = (model(x) - teacher(x)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step == 1 or step % 50 == 0:
            print(f"step {step:3}  loss {loss.item():.4f}  zeros {(model[0].masked_weight() == 0).float().mean():.4f}")
    model[0].values.data = model[0].values.data.clone()  # other memory: bound again by the next refresh
    model[0].refresh(1.0)
    zeros = (model[0].masked_weight() == 0).sum().item()
    assert zeros == int(64 * 48 * 0.9), zeros


compare_with_autograd()
train()
