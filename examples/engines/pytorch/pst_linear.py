# SPDX-License-Identifier: Apache-2.0
"""A layer of pst as a torch.nn.Module, through pst/c.h. Weight, parameters and gradients are PyTorch's own tensors."""
import ctypes as c

import torch


class Matrix(c.Structure):  # pst_matrix and pst_const_matrix, of floats
    _fields_ = [("data", c.c_void_p), ("type", c.c_int), ("rows", c.c_int64), ("cols", c.c_int64), ("stride", c.c_int64)]

    def __init__(self, tensor):
        assert tensor.dtype == torch.float32 and tensor.stride(1) == 1
        super().__init__(tensor.data_ptr(), 0, *tensor.shape, tensor.stride(0))


class Call(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, values, module):
        ctx.x, ctx.module, ctx.shape, ctx.generation = x.flatten(0, -2).contiguous(), module, x.shape, module.generation()
        y = x.new_empty(len(ctx.x), module.linear.out_features)
        module.call("forward", Matrix(ctx.x), Matrix(y))
        return y.unflatten(0, x.shape[:-1])

    @staticmethod
    def backward(ctx, grad_y):
        if ctx.generation != ctx.module.generation():
            raise RuntimeError("the weight has changed since forward: call backward before the next begin_step or refresh")
        grad_x, grad_y = torch.empty_like(ctx.x), grad_y.flatten(0, -2).contiguous()
        ctx.module.call("backward", Matrix(ctx.x), Matrix(grad_y), c.byref(Matrix(grad_x)), 1)  # PST_OVERWRITE
        return grad_x.reshape(ctx.shape), ctx.module.gradients[: len(ctx.module.values)].clone(), None


class PstLinear(torch.nn.Module):
    """Stands for a torch.nn.Linear; `specification` is a method and its options, as in "pst sparsity=0.9"."""

    def __init__(self, library, linear, specification):
        super().__init__()
        self.library, self.linear, self.handle = library, linear.requires_grad_(False), c.c_void_p()
        library.pst_last_error.restype, library.pst_layer_generation.restype = c.c_char_p, c.c_uint64
        shape = c.c_int64(linear.in_features), c.c_int64(linear.out_features)
        self.check(library.pst_layer_new(specification.encode(), *shape, 0, c.byref(self.handle)))
        self.call("attach_const", Matrix(linear.weight), linear.bias is not None and c.byref(Matrix(linear.bias[None])) or None)
        layout = (c.c_int64 * 4)()  # pst_layout: places, count, own, size
        self.call("layout", layout)
        self.values, self.gradients = torch.nn.Parameter(torch.empty(layout[2])), torch.zeros(layout[3])
        self.bind()

    def bind(self):  # again in every step, for PyTorch may have given `values` other memory: nothing is written then
        self.call("bind", c.c_void_p(self.values.data_ptr()), c.c_void_p(self.gradients.data_ptr()), 0)

    def begin_step(self, step, steps):
        self.bind()
        self.call("begin_step", c.c_int64(step), c.c_int64(steps))

    def refresh(self, progress):
        self.bind()
        self.call("refresh", c.c_double(progress))

    def forward(self, x):
        return Call.apply(x, self.values, self)

    def masked_weight(self):
        out = torch.empty_like(self.linear.weight)
        self.call("export_masked", Matrix(out))
        return out

    def generation(self):
        return self.library.pst_layer_generation(self.handle)

    def call(self, name, *arguments):
        self.check(getattr(self.library, "pst_layer_" + name)(self.handle, *arguments))

    def check(self, status):
        if status != 0:
            raise RuntimeError(self.library.pst_last_error().decode())

    def __del__(self):
        self.library.pst_layer_free(self.handle)
