// SPDX-License-Identifier: Apache-2.0
// host local|global PLUGIN PLUGIN: loads two shared objects that hold pst, compiled for different instruction sets.
// Each must compute after the other what it computes before it, and write in no memory but its own
// (-fsanitize=address).
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr int skipped = 77;

class Plugin {
 public:
  Plugin(const char* path, int visibility) : object_{dlopen(path, RTLD_NOW | visibility)} {
    if (object_ == nullptr) std::fprintf(stderr, "%s\n", dlerror()), std::exit(EXIT_FAILURE);
  }
  template <class F>
  [[nodiscard]] F* function(const char* name) const {
    return reinterpret_cast<F*>(dlsym(object_, name));
  }
  [[nodiscard]] std::uint64_t digest() const { return function<std::uint64_t()>("digest_of_work")(); }
  [[nodiscard]] int vector_bytes() const { return function<int()>("vector_bytes")(); }

 private:
  void* object_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return EXIT_FAILURE;
  const int visibility = std::strcmp(arguments[1], "global") == 0 ? RTLD_GLOBAL : RTLD_LOCAL;
  const Plugin first{arguments[2], visibility};
  const std::uint64_t first_alone = first.digest();
  const Plugin second{arguments[3], visibility};
  if (first.vector_bytes() == second.vector_bytes()) {
    std::printf("skipped: both plugins have vectors of %d bytes\n", first.vector_bytes());
    return skipped;
  }
  const std::uint64_t second_then = second.digest();
  const bool same = first.digest() == first_alone && second.digest() == second_then;
  std::printf("vectors of %d and %d bytes: %s\n", first.vector_bytes(), second.vector_bytes(),
              same ? "the same results before and after" : "results changed when the other was loaded");
  return same ? EXIT_SUCCESS : EXIT_FAILURE;
}
