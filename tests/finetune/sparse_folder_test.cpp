// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/sparse_folder.hpp"

#include <sstream>

#include "finetune/train/report.hpp"
#include "training_job.hpp"

using namespace finetune;
using namespace finetune::test;

TEST_CASE("a folder that is sparse already is told, with what will become of its zeros") {
  MethodSettings method{.sparsity = 0.5};
  CHECK(sparse_folder_remark(0, method).empty());
  CHECK(sparse_folder_remark(0.009, method).empty());
  CHECK(sparse_folder_remark(0.9, method) ==
        "90.0 % of these weights are zero in the folder already: they train as all others, the mask is chosen anew, "
        "and 50.0 % are zero in the end; --keep-mask trains with the zeros that it has");
  for (const char* name : {"full", "lora"}) {
    method.name = name;
    CHECK(sparse_folder_remark(0.9, method).find("they train as all others, and the result is dense; --keep-mask") !=
          std::string::npos);
  }
  for (const char* name : {"bitfit", "ia3"}) {
    method.name = name;
    CHECK(sparse_folder_remark(0.9, method).ends_with(": they stay so, for no weight trains"));
  }
  method.name = "lora", method.keep_mask = true;
  CHECK(sparse_folder_remark(0.9, method).ends_with(": they stay so, and no others"));
  CHECK(sparse_folder_remark(0, method).ends_with("the result is dense"));
}

TEST_CASE("the zeros of a folder are counted before it trains") {
  Job job;
  job.settings.method.sparsity = 0.75;
  const auto opening = [&] {
    BaseModel base = load_base(job.settings);
    std::ostringstream out;
    print_opening(out, job.settings, base, load_training_data(job.settings, base));
    return out.str();
  };
  CHECK(opening().find("zero in the folder already") == std::string::npos);
  BaseModel base = load_base(job.settings);
  base.loaded.model->for_each_layer([](Layer& layer) { layer.weight.leftCols(layer.weight.cols() / 2).setZero(); });
  CHECK(zeros_given(*base.loaded.model) == doctest::Approx(0.5));
  base.loaded.model->refresh(0.0);
  save_model(*base.loaded.model, job.path() / "sparse");
  fs::copy_file(job.path() / "sparse" / "model.safetensors", job.settings.model / "model.safetensors",
                fs::copy_options::overwrite_existing);
  CHECK(opening().find("sparse   50.0 % of these weights are zero in the folder already: ") != std::string::npos);
}
