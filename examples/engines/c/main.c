/* SPDX-License-Identifier: Apache-2.0 */
/* A C program that owns everything: weight, activations, parameters, gradients and the optimizer. The layer learns to
 * imitate a teacher while nine tenths of its weights are pruned; then those that are kept train alone. */
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

/* What trains: two runs of numbers and the moments of Adam, which has taken `taken` steps with them. */
struct run {
  float *values, *gradients, *mean, *square;
  int64_t count;
  int taken;
};
static struct run bound_run(pst_layer* layer) {
  pst_layout layout;
  check(pst_layer_layout(layer, &layout));
  printf("%s: %zu parameters of %lld numbers\n", pst_layer_name(layer), layout.count, (long long)layout.own);
  const size_t count = (size_t)layout.own;
  const struct run run = {calloc(count, sizeof(float)),
                          calloc(count, sizeof(float)),
                          calloc(count, sizeof(float)),
                          calloc(count, sizeof(float)),
                          layout.own,
                          0};
  check(pst_layer_bind(layer, run.values, run.gradients, PST_NOTHING));
  return run;
}
static void free_run(struct run run) { free(run.values), free(run.gradients), free(run.mean), free(run.square); }

static void adam(struct run* run, double progress) {
  const int step = ++run->taken;
  const double rate = 0.003 * (1 - progress) * sqrt(1 - pow(0.999, step)) / (1 - pow(0.9, step));
  for (int64_t n = 0; n < run->count; ++n) {
    run->mean[n] = 0.9f * run->mean[n] + 0.1f * run->gradients[n];
    run->square[n] = 0.999f * run->square[n] + 0.001f * run->gradients[n] * run->gradients[n];
    run->values[n] -= (float)(rate * run->mean[n] / (sqrt(run->square[n]) + 1e-8));
  }
}

int main(void) {
  for (int n = 0; n < out * in; ++n) {
    teacher[n] = random_number() * (n % 12 == 0 ? 1.0f : 0.05f); /* most weights matter little */
    weight[n] = teacher[n] + 0.1f * random_number();
  }
  pst_layer* layer;
  const pst_matrix w = {weight, PST_F32, out, in, in}, outputs = {y, PST_F32, tokens, out, out};
  const pst_const_matrix inputs = {x, PST_F32, tokens, in, in}, grads = {grad_y, PST_F32, tokens, out, out};
  check(pst_layer_new("pst sparsity=0.9 cooldown=0.5 name=student", in, out, PST_F32, &layer));
  check(pst_layer_attach(layer, w, NULL));
  struct run run = bound_run(layer);
  double first = 0, loss = 0;
  for (int step = 1; step <= steps; ++step) {
    if (2 * step == steps) { /* the mask rests from here on: no factors, no scores, and the weight is not read again */
      check(pst_layer_refresh(layer, 1.0));
      check(pst_layer_train_kept(layer, NULL));
      free_run(run);
      run = bound_run(layer);
    }
    for (int n = 0; n < tokens * in; ++n) x[n] = random_number();
    check(pst_layer_begin_step(layer, step, steps));
    check(pst_layer_forward(layer, inputs, outputs));
    loss = loss_and_gradient();
    check(pst_layer_backward(layer, inputs, grads, NULL, PST_ADD));
    adam(&run, (double)(step - 1) / steps);
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
  free_run(run);
  return zeros >= expected && expected == (int)(out * in * 0.9) && loss < first ? 0 : 1;
}
