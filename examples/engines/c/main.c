/* SPDX-License-Identifier: Apache-2.0 */
/* A C program that owns everything: weight, activations, parameters, gradients and the optimizer. The layer learns to
 * imitate a teacher while nine tenths of its weights are pruned. */
#include <math.h>
#include <pst/c.h>
#include <stdio.h>
#include <stdlib.h>

enum { in = 64, out = 48, tokens = 32, steps = 300 };

static float weight[out * in], teacher[out * in], x[tokens * in], y[tokens * out], grad_y[tokens * out];

static void check(pst_status status) {
  if (status == PST_OK) return;
  fprintf(stderr, "error: %s\n", pst_last_error());
  exit(1);
}
static float random_number(void) { /* between -1 and 1, the same on every machine */
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return (float)(state >> 8) / 8388608.0f - 1.0f;
}

/* Mean squared error of y against the teacher's output, and its gradient. */
static double loss_and_gradient(void) {
  double sum = 0;
  for (int t = 0; t < tokens; ++t)
    for (int o = 0; o < out; ++o) {
      float wanted = 0;
      for (int i = 0; i < in; ++i) wanted += x[t * in + i] * teacher[o * in + i];
      const float error = y[t * out + o] - wanted;
      grad_y[t * out + o] = 2 * error / (tokens * out);
      sum += (double)error * error;
    }
  return sum / (tokens * out);
}

/* One step of Adam on a run of numbers. */
static void adam(float* value, const float* grad, float* mean, float* square, int64_t count, int step) {
  const double rate = 0.003 * (1 - (double)(step - 1) / steps) * sqrt(1 - pow(0.999, step)) / (1 - pow(0.9, step));
  for (int64_t n = 0; n < count; ++n) {
    mean[n] = 0.9f * mean[n] + 0.1f * grad[n];
    square[n] = 0.999f * square[n] + 0.001f * grad[n] * grad[n];
    value[n] -= (float)(rate * mean[n] / (sqrt(square[n]) + 1e-8));
  }
}

int main(void) {
  for (int n = 0; n < out * in; ++n) {
    teacher[n] = random_number() * (n % 12 == 0 ? 1.0f : 0.05f); /* most weights matter little */
    weight[n] = teacher[n] + 0.1f * random_number();
  }
  pst_layer* layer;
  pst_layout layout;
  const pst_matrix w = {weight, PST_F32, out, in, in}, outputs = {y, PST_F32, tokens, out, out};
  const pst_const_matrix inputs = {x, PST_F32, tokens, in, in}, grads = {grad_y, PST_F32, tokens, out, out};
  check(pst_layer_new("pst sparsity=0.9 name=student", in, out, PST_F32, &layer));
  check(pst_layer_attach(layer, w, NULL));
  check(pst_layer_layout(layer, &layout));
  printf("%s: %zu parameters of %lld numbers\n", pst_layer_name(layer), layout.count, (long long)layout.own);

  const size_t count = (size_t)layout.own;
  float *values = calloc(count, sizeof *values), *gradients = calloc(count, sizeof *gradients);
  float *mean = calloc(count, sizeof *mean), *square = calloc(count, sizeof *square);
  check(pst_layer_bind(layer, values, gradients, PST_NOTHING));
  double first = 0, loss = 0;
  for (int step = 1; step <= steps; ++step) {
    for (int n = 0; n < tokens * in; ++n) x[n] = random_number();
    check(pst_layer_begin_step(layer, step, steps));
    check(pst_layer_forward(layer, inputs, outputs));
    loss = loss_and_gradient();
    check(pst_layer_backward(layer, inputs, grads, NULL, PST_ADD));
    adam(values, gradients, mean, square, layout.own, step);
    if (step == 1) first = loss;
    if (step == 1 || step % 50 == 0)
      printf("step %3d  loss %.5f  sparsity %.3f\n", step, loss, pst_layer_sparsity(layer));
  }
  check(pst_layer_refresh(layer, 1.0));

  static float pruned[out * in];
  check(pst_layer_export_masked(layer, (pst_matrix){pruned, PST_F32, out, in, in}));
  int zeros = 0;
  for (int n = 0; n < out * in; ++n) zeros += pruned[n] == 0.0f;
  const int expected = out * in - (int)pst_layer_kept(layer);
  printf("%d of %d weights are exactly 0, the mask prunes %d\n", zeros, out * in, expected);
  pst_layer_free(layer);
  free(values), free(gradients), free(mean), free(square);
  return zeros >= expected && expected == (int)(out * in * 0.9) && loss < first ? 0 : 1;
}
