/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PST_C_H
#define PST_C_H

/**
 * @file
 * The run-time layers of pst in C11: what any.hpp has, through opaque handles.
 *
 * Every function that can fail returns a pst_status; `pst_last_error` says in a sentence what went wrong in the last
 * call of the same thread. No exception leaves a function. Handles are made by functions whose name ends in `_new` or
 * `_clone` and given back by `_free`, which take NULL as well.
 *
 * A layer of `in` inputs and `out` outputs has a weight of out x in. Matrices are views of the caller's memory: a
 * pointer, rows, columns and the distance between rows, all in numbers; neighbours of one row are contiguous. Memory
 * that is lent (a weight, a bias, the runs of parameters and gradients) must outlive the layer, or be replaced by
 * lending other memory. Nothing else is kept.
 *
 * One layer must not be called by two threads at once, nor two layers of one set. The functions are defined in
 * any/implementation/c_api.hpp, a part of the CMake target pst::any.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a function says of itself. */
typedef enum pst_status {
  PST_OK = 0,
  PST_REFUSED = 1, /**< an argument or a number is not what was expected; nothing has changed */
  PST_OUT_OF_MEMORY = 2,
  PST_FAILED = 3 /**< anything else */
} pst_status;

/** The message of the last call of this thread that failed, until it fails again; "" where none has. Never NULL. */
const char* pst_last_error(void);
/** The version of the library, as "0.1.0". */
const char* pst_version(void);

/** The numbers of a matrix. Layers compute in PST_F32 or PST_F64; weights may be stored as PST_BF16 or PST_F16. */
typedef enum pst_type { PST_F32 = 0, PST_F64 = 1, PST_BF16 = 2, PST_F16 = 3 } pst_type;

/** A matrix in memory of the caller. `data` may be NULL where there are no numbers. */
typedef struct pst_matrix {
  void* data;
  pst_type type;
  int64_t rows;
  int64_t cols;
  int64_t row_stride; /**< numbers from one row to the next */
} pst_matrix;

/** The same, of numbers that do not change. */
typedef struct pst_const_matrix {
  const void* data;
  pst_type type;
  int64_t rows;
  int64_t cols;
  int64_t row_stride;
} pst_const_matrix;

/** What a parameter is for. */
typedef enum pst_group { PST_WEIGHT = 0, PST_DELTA = 1, PST_SCORE = 2, PST_BIAS = 3 } pst_group;

/** A trained matrix. Its views are valid until the layer is attached or bound again, its kept weights train, or it is
 * freed. */
typedef struct pst_parameter {
  const char* name; /**< valid as long as the views */
  pst_group group;
  pst_matrix value;
  pst_matrix grad;
} pst_parameter;

/** Where a trained matrix stands in one run of parameters and one of gradients, row-major. */
typedef struct pst_place {
  const char* name; /**< valid until the layer or set is asked for its layout again, or freed */
  pst_group group;
  int64_t rows;
  int64_t cols;
  int64_t value_offset; /**< in numbers; -1: it is in place, its values are those of an attached matrix */
  int64_t grad_offset;
} pst_place;

/** The trained matrices of a layer or set; `places` is valid until its layout is asked again, or it is freed. */
typedef struct pst_layout {
  const pst_place* places;
  size_t count;
  int64_t own;  /**< numbers in the run of parameters */
  int64_t size; /**< numbers in the run of gradients */
} pst_layout;

/** What the mask of a layer, or of all layers of a set, looks like, and what it costs. */
typedef struct pst_report {
  double target_sparsity; /**< what the schedule asked for */
  int64_t weights;        /**< pruned ones too */
  int64_t kept;
  int64_t dropped; /**< pruned by the last refresh */
  int64_t regrown; /**< kept again since the last refresh */
  int64_t trainable;
  size_t dense_bytes;
  size_t compressed_bytes;
  size_t training_bytes;
  size_t scratch_bytes;
} pst_report;

/** What `pst_layer_backward` does with the gradients of earlier batches. */
typedef enum pst_gradients { PST_ADD = 0, PST_OVERWRITE = 1 } pst_gradients;
/** What a run of parameters holds when it is bound first: nothing yet, or values that stay. */
typedef enum pst_holds { PST_NOTHING = 0, PST_VALUES = 1 } pst_holds;

/** A layer. */
typedef struct pst_layer pst_layer;
/** Named layers of one model. */
typedef struct pst_set pst_set;

/* ---- layers: making and lending ---- */

/**
 * Makes a layer from a specification such as "pst sparsity=0.95" or "movement score_start=10", which computes in `type`
 * (PST_F32 or PST_F64), and writes it to `layer`; NULL where it fails. The caller owns the layer.
 */
pst_status pst_layer_new(const char* specification, int64_t in, int64_t out, pst_type type, pst_layer** layer);
/** Frees a layer that the caller owns. */
void pst_layer_free(pst_layer* layer);
/** Makes a layer that borrows the same weight and bias and has all else of its own, the same bits. */
pst_status pst_layer_clone(pst_layer* layer, pst_layer** clone);

/** Lends the weight (out x in) and the bias (1 x out, or NULL). Both may train in place. */
pst_status pst_layer_attach(pst_layer* layer, pst_matrix weight, const pst_matrix* bias);
/** Lends a weight and a bias that must not change; refused where one of them trains. */
pst_status pst_layer_attach_const(pst_layer* layer, pst_const_matrix weight, const pst_const_matrix* bias);
/** What trains, once the layer is attached. */
pst_status pst_layer_layout(pst_layer* layer, pst_layout* layout);
/**
 * Lends memory for `own` parameters and `size` gradients of the layout, of the layer's type. The first time the start
 * values are written, or moved there; later the layer only moves. Without it the layer allocates.
 */
pst_status pst_layer_bind(pst_layer* layer, void* parameters, void* gradients, pst_holds holds);

/* ---- layers: training ---- */

pst_status pst_layer_zero_gradients(pst_layer* layer);
/** Brings mask and weight up to date at a progress of 0 to 1, for an evaluation; counts nothing. */
pst_status pst_layer_refresh(pst_layer* layer, double progress);
/** Begins the `step`-th of `steps` steps, from 1 (0 is the state before the first): mask and weight are refreshed,
 * gradients are zero. */
pst_status pst_layer_begin_step(pst_layer* layer, int64_t step, int64_t steps);
/** y (n x out) = x (n x in) W'^T + b. */
pst_status pst_layer_forward(pst_layer* layer, pst_const_matrix x, pst_matrix y);
/**
 * Adds to the gradients of all parameters, or overwrites them, and writes grad_x (n x in), unless it is NULL. `x` (n x
 * in) is what forward was given, `grad_y` is n x out.
 */
pst_status pst_layer_backward(pst_layer* layer, pst_const_matrix x, pst_const_matrix grad_y, const pst_matrix* grad_x,
                              pst_gradients write);
/**
 * From here on the kept weights train themselves, as the last refresh left them, and nothing else of the layer but its
 * bias: any/kept.hpp. Call it once the mask rests. `bias` is the one that was attached, or NULL where there was none;
 * another one is refused. It is written to only where it trains. The weight that was attached is not needed any more,
 * nor the runs that were bound: layout and parameters are others, to be asked for and bound again. Give "weight.kept"
 * moments of its own. Such a layer has no clone, and takes no mask.
 */
pst_status pst_layer_train_kept(pst_layer* layer, const pst_matrix* bias);
/** How many parameters there are, once the layer is attached. */
pst_status pst_layer_parameter_count(pst_layer* layer, size_t* count);
/** The parameter at `index`, in the order of the layout. */
pst_status pst_layer_parameter(pst_layer* layer, size_t index, pst_parameter* parameter);

/** How many statistics the scores of an attached layer measure of batches: what "weighted_by" asks for. */
pst_status pst_layer_statistic_count(pst_layer* layer, size_t* count);
/**
 * The statistic at `index`: `name`, unless it is NULL, and where its numbers are, which ranks of a data-parallel run
 * average before a step begins, as they do gradients. The numbers are there until the layer is attached again, its kept
 * weights train, or it is freed.
 */
pst_status pst_layer_statistic(pst_layer* layer, size_t index, const char** name, pst_matrix* values);

/* ---- layers: looking and exporting ---- */

/** The name in the specification, or ""; lives as long as the layer. */
const char* pst_layer_name(const pst_layer* layer);
int64_t pst_layer_in(const pst_layer* layer);
int64_t pst_layer_out(const pst_layer* layer);
pst_type pst_layer_type(const pst_layer* layer);
/** How many weights the mask keeps. */
int64_t pst_layer_kept(const pst_layer* layer);
/** The sparsity that the schedule asked for when the mask moved last. */
double pst_layer_sparsity(const pst_layer* layer);
/** Another number whenever the weight that the layer multiplies with may have changed. */
uint64_t pst_layer_generation(const pst_layer* layer);
pst_status pst_layer_report(pst_layer* layer, pst_report* report);
/** Words of 64 bits in each row of a mask: bit c % 64 of word c / 64 keeps column c. */
int64_t pst_mask_words_per_row(int64_t in);
/** Copies the mask to `words`, out x pst_mask_words_per_row(in) of them. */
pst_status pst_layer_mask(pst_layer* layer, uint64_t* words);
/** Takes a mask, as `pst_layer_mask` gives it. */
pst_status pst_layer_set_mask(pst_layer* layer, const uint64_t* words);
/** Writes the weight that the layer multiplies with (out x in): exactly +0 where pruned. */
pst_status pst_layer_export_masked(pst_layer* layer, pst_matrix out);
/**
 * Writes its numbers that are not zero as compressed sparse rows: out + 1 offsets to `row_start`, and to `column` and
 * `value`, which have room for pst_layer_kept numbers each, as many as row_start[out] says afterwards.
 */
pst_status pst_layer_export_csr(pst_layer* layer, int64_t* row_start, uint32_t* column, void* value);

/* ---- layers: state ---- */

/** Writes the state to `bytes`, which has room for `*size` of them, and their number to `*size`; `bytes` may be NULL.
 */
pst_status pst_layer_save(pst_layer* layer, void* bytes, size_t* size);
/** Puts back what `pst_layer_save` gave, bit for bit. */
pst_status pst_layer_restore(pst_layer* layer, const void* bytes, size_t size);
/**
 * Becomes the layer of kept weights that saved the state behind `pst_layer_train_kept`, of the same shape. The state
 * may be that of a set, in which a layer of this name was. Nothing need be attached. `bias` is as there; one that
 * trains gets the values of the state, one that rests is not in it.
 */
pst_status pst_layer_restore_kept(pst_layer* layer, const void* bytes, size_t size, const pst_matrix* bias);

/** Writes 1 to `is_of_kept` where kept weights trained in the layer that saved a state; `layer` is its name in the
 * state of a set, or NULL. */
pst_status pst_state_is_of_kept(const void* bytes, size_t size, const char* layer, int* is_of_kept);

/* ---- sets: the layers of a model ---- */

/** Makes an empty set whose layers compute in `type` with `threads` threads, 0 for as many as there are. */
pst_status pst_set_new(pst_type type, int threads, pst_set** set);
/** Frees a set and its layers. */
void pst_set_free(pst_set* set);
/** Makes a layer called `name` and adds it. `layer`, unless it is NULL, is set to it: the set owns it. */
pst_status pst_set_add(pst_set* set, const char* name, const char* specification, int64_t in, int64_t out,
                       pst_layer** layer);
size_t pst_set_size(const pst_set* set);
/** The layer at `index`, in the order of adding, or NULL; the set owns it. */
pst_layer* pst_set_layer(pst_set* set, size_t index);
/** The layer of this name; the set owns it. */
pst_status pst_set_find(pst_set* set, const char* name, pst_layer** layer);

pst_status pst_set_zero_gradients(pst_set* set);
/** `pst_layer_refresh` of all layers, or of none. */
pst_status pst_set_refresh(pst_set* set, double progress);
/** `pst_layer_begin_step` of all layers, or of none; layers with "selector=global" share one budget. */
pst_status pst_set_begin_step(pst_set* set, int64_t step, int64_t steps);
pst_status pst_set_parameter_count(pst_set* set, size_t* count);
/** The parameter at `index` of all layers, with its full name. */
pst_status pst_set_parameter(pst_set* set, size_t index, pst_parameter* parameter);
/** What trains in all layers, once all are attached. */
pst_status pst_set_layout(pst_set* set, pst_layout* layout);
/** `pst_layer_bind` of all layers to one run of parameters and one of gradients. */
pst_status pst_set_bind(pst_set* set, void* parameters, void* gradients, pst_holds holds);
/** Of all layers together. */
pst_status pst_set_report(pst_set* set, pst_report* report);
/** As `pst_layer_save`, of all layers. */
pst_status pst_set_save(pst_set* set, void* bytes, size_t* size);
/** As `pst_layer_restore`, of all layers, or of none; behind `pst_layer_restore_kept` of those whose kept weights
 * trained when the state was saved. */
pst_status pst_set_restore(pst_set* set, const void* bytes, size_t size);

#ifdef __cplusplus
}
#endif

#endif
