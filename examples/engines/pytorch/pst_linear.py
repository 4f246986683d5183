# SPDX-License-Identifier: Apache-2.0
"""A layer of pst as a torch.nn.Module, through pst/c.h. Weight, parameters and gradients are PyTorch's own tensors."""
import ctypes as c

import torch


class Matrix(c.Structure):
    _fields_ = [("data", c.c_void_p), ("type", c.c_int), ("rows", c.c_int64), ("cols", c.c_int64), ("stride", c.c_int64)]

    def __init__(self, tensor):
        assert tensor.dtype == torch.float32 and tensor.stride(1) == 1
        super().__init__(tensor.data_ptr(), 0, *tensor.shape, tensor.stride(0))


class Layout(c.Structure):
    _fields_ = [("places", c.c_void_p), ("count", c.c_size_t), ("own", c.c_int64), ("size", c.c_int64)]


class Call(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, values, module):
        rows = x.reshape(-1, x.shape[-1]).contiguous()
        y = x.new_empty(len(rows), module.out_features)
        module.call("forward", Matrix(rows), Matrix(y))
        ctx.save_for_backward(rows)
        ctx.module, ctx.shape, ctx.generation = module, x.shape, module.generation()
        return y.reshape(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx, grad_y):
        (rows,), module = ctx.saved_tensors, ctx.module
        if ctx.generation != module.generation():
            raise RuntimeError("the weight has changed since forward: call backward before the next begin_step or refresh")
        grad_x = torch.empty_like(rows)
        grad_y = grad_y.reshape(len(rows), -1).contiguous()
        module.call("backward", Matrix(rows), Matrix(grad_y), c.byref(Matrix(grad_x)), 1)  # 1: overwrite
        return grad_x.reshape(ctx.shape), module.gradients[: len(module.values)].clone(), None


class PstLinear(torch.nn.Module):
    """Stands for a torch.nn.Linear; `specification` is a method and its options, as in "pst sparsity=0.9"."""

    def __init__(self, library, linear, specification):
        super().__init__()
        self.library, self.linear, self.out_features = library, linear.requires_grad_(False), linear.out_features
        library.pst_last_error.restype, library.pst_layer_generation.restype = c.c_char_p, c.c_uint64
        self.handle, layout = c.c_void_p(), Layout()
        self.check(library.pst_layer_new(specification.encode(), c.c_int64(linear.in_features),
                                         c.c_int64(linear.out_features), 0, c.byref(self.handle)))
        bias = None if linear.bias is None else c.byref(Matrix(linear.bias[None]))
        self.call("attach_const", Matrix(linear.weight), bias)
        self.call("layout", c.byref(layout))
        self.gradients = torch.zeros(layout.size)
        self.values = torch.nn.Parameter(torch.empty(layout.own))
        self.bound = None
        self.bind()

    def bind(self):  # again wherever PyTorch has given `values` other memory
        if self.bound != self.values.data_ptr():
            self.call("bind", c.c_void_p(self.values.data_ptr()), c.c_void_p(self.gradients.data_ptr()), 0)
            self.bound = self.values.data_ptr()

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
