// SPDX-License-Identifier: Apache-2.0
#include "pst/io/safetensors_header.hpp"

#include <random>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "io/files.hpp"

namespace pst::io::test {
namespace {

using namespace std::string_literals;

SafetensorsContents parsed(std::string_view file) { return parse_safetensors(bytes_of(file), "file"); }

std::string refusal(std::string_view file) {
  return error_of([&] { return parsed(file); });
}

/// Why a header with one tensor `a` of these fields is refused, its data being 8 bytes.
std::string refusal_of_tensor(const std::string& fields) {
  return refusal(file_with("{\"a\":{" + fields + "}}", "12345678"));
}

TEST_CASE("the golden file of the reference writer is understood") {
  const std::string file = golden_file();
  REQUIRE(file.size() == 72);
  const auto contents = parsed(file);
  REQUIRE(contents.entries.size() == 1);
  const TensorEntry& a = contents.entries[0];
  CHECK(a.name == "a");
  CHECK(a.type == ElementType::f32);
  CHECK(a.shape == std::vector<index_t>{2});
  CHECK(text_of(a.bytes) == file.substr(64));
  CHECK(contents.metadata.empty());
}

TEST_CASE("the minimal file has no tensors") {
  CHECK(parsed(file_with("{}")).entries.empty());
  CHECK(parsed("\x02\0\0\0\0\0\0\0{}"s).entries.empty());
}

TEST_CASE("refusal 1: the file is too short for the header length") {
  CHECK(refusal("") == "file: has 0 bytes, but a safetensors file begins with the 8 bytes of its header length");
  CHECK(contains(refusal("1234567"), "file: has 7 bytes"));
}

TEST_CASE("refusal 2: the header length is above one hundred million") {
  CHECK(contains(refusal("\x01\xE1\xF5\x05\0\0\0\0{}"s),
                 "announces a header of 100000001 bytes, but at most 100000000 are allowed"));
  CHECK(contains(refusal("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}"s), "announces a header of 18446744073709551615 bytes"));
  CHECK(contains(refusal("\0\xE1\xF5\x05\0\0\0\0{}"s), "but only 2 follow"));
}

TEST_CASE("refusal 3: the header is longer than the file") {
  CHECK(refusal("\x03\0\0\0\0\0\0\0{}"s) ==
        "file: announces a header of 3 bytes, but only 2 follow; the file is cut short");
}

TEST_CASE("refusal 4: the header is not UTF-8") {
  CHECK(refusal(file_with("{\"\xFF\":1}")) == "file: the header is not UTF-8");
}

TEST_CASE("refusal 5: the header is not JSON of the right form") {
  CHECK(refusal(file_with("")) == "file: the header is not JSON: it goes wrong at byte 1, near \"\"");
  CHECK(contains(refusal(file_with("{\"a\"}")), "file: the header is not JSON"));
  CHECK(refusal(file_with("[]")) == "file: the header must be a JSON object");
  CHECK(refusal(file_with(R"({"a":7})")) == "file: tensor \"a\" is described by 7, but an object was expected");
  CHECK(contains(refusal(file_with(R"({"a":["F32",[2],[0,8]]})", "12345678")), "but an object was expected"));
  CHECK(refusal_of_tensor(R"("shape":[2],"data_offsets":[0,8])") == "file: tensor \"a\" has no string called dtype");
  CHECK(refusal_of_tensor(R"("dtype":5,"shape":[2],"data_offsets":[0,8])") ==
        "file: tensor \"a\" has no string called dtype");
  CHECK(refusal_of_tensor(R"("dtype":"F31","shape":[2],"data_offsets":[0,8])") ==
        "file: tensor \"a\" has dtype \"F31\", which the format does not know");
  CHECK(refusal_of_tensor(R"("dtype":"F32","data_offsets":[0,8])") == "file: tensor \"a\" has no array called shape");
  CHECK(refusal_of_tensor(R"("dtype":"F32","shape":2,"data_offsets":[0,8])") ==
        "file: tensor \"a\" has no array called shape");
  CHECK(refusal_of_tensor(R"("dtype":"F32","shape":[2])") == "file: tensor \"a\" has no array called data_offsets");
  CHECK(refusal_of_tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0])") ==
        "file: tensor \"a\" has 1 data_offsets, but there must be a begin and an end");
  CHECK(contains(refusal_of_tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,8])"), "has 3 data_offsets"));
}

TEST_CASE("refusal 6: tensors leave a hole, overlap or run backwards") {
  CHECK(refusal(file_with(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", "123")) ==
        "file: tensor \"a\" has data_offsets [1,3], but must begin at 0, where the tensor before it ends");
  CHECK(contains(refusal(file_with(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                                   R"("b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}})",
                                   "12345")),
                 "tensor \"b\" has data_offsets [3,5], but must begin at 2"));
  CHECK(contains(refusal(file_with(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                                   R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                                   "123")),
                 "tensor \"b\" has data_offsets [1,3], but must begin at 2"));
  CHECK(contains(refusal(file_with(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                                   R"("b":{"dtype":"U8","shape":[0],"data_offsets":[2,1]}})",
                                   "12")),
                 "tensor \"b\" has data_offsets [2,1]"));
}

TEST_CASE("refusal 7: the size overflows") {
  for (const auto shape :
       {"[2,18446744073709551614]", "[2,9223372036854775807,2]", "[2,9223372036854775807]",
        "[9223372036854775807,9223372036854775807,0]", "[18446744073709551615]", "[4611686018427387904,2,0]"}) {
    const std::string error = refusal_of_tensor(R"("dtype":"F32","data_offsets":[0,8],"shape":)"s + shape);
    CHECK(contains(error, "file: tensor \"a\" has "));
    CHECK(contains(error, "overflows"));
  }
}

TEST_CASE("refusal 8: a tensor ends within a byte") {
  CHECK(contains(refusal(file_with(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", "12")),
                 "tensor \"a\" has shape [3] of F4, which is 12 bits, but a tensor must end on a byte boundary"));
  CHECK(refusal(file_with(R"({"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}})", "12")).empty());
  CHECK(refusal(file_with(R"({"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}})", "123")).empty());
}

TEST_CASE("refusal 9: the span does not match type and shape") {
  CHECK(refusal_of_tensor(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])") ==
        "file: tensor \"a\" spans 8 bytes, but F32 of shape [3] needs 12");
  CHECK(refusal_of_tensor(R"("dtype":"F64","shape":[0],"data_offsets":[0,8])") ==
        "file: tensor \"a\" spans 8 bytes, but F64 of shape [0] needs 0");
}

TEST_CASE("refusal 10: the data is shorter or longer than the tensors") {
  CHECK(refusal(golden_file() + "P") ==
        "file: has 9 bytes of data, but its tensors need 8; nothing may follow the last tensor");
  CHECK(refusal(golden_file().substr(0, 71)) ==
        "file: has 7 bytes of data, but its tensors need 8; the file is cut short");
  CHECK(contains(refusal(file_with("{}", "PK\x03\x04")), "nothing may follow the last tensor"));
}

TEST_CASE("a file cut at any length is refused") {
  const std::string file = golden_file();
  for (std::size_t length = 0; length < file.size(); ++length)
    CHECK_FALSE(refusal(std::string_view{file}.substr(0, length)).empty());
}

TEST_CASE("ten tensors on the same bytes are refused") {
  std::string header = "{";
  for (int i = 0; i < 10; ++i) {
    header +=
        (i == 0 ? "" : ",") + ("\"t" + std::to_string(i)) + R"(":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]})";
  }
  CHECK(contains(refusal(file_with(header + "}", std::string(16, 'x'))), "must begin at 16"));
}

TEST_CASE("numbers that are not unsigned integers are refused") {
  for (const std::string number : {"-1", "-0", "8.0", "8e0", "1e3", "18446744073709551616", "\"8\"", "null", "true"}) {
    CAPTURE(number);
    CHECK(contains(refusal_of_tensor(R"("dtype":"U8","shape":[8],"data_offsets":[0,)" + number + "]"),
                   "in its shape or data_offsets, but both hold unsigned integers"));
    CHECK(contains(refusal_of_tensor(R"("dtype":"U8","data_offsets":[0,8],"shape":[)" + number + "]"),
                   "in its shape or data_offsets, but both hold unsigned integers"));
  }
  CHECK(contains(refusal_of_tensor(R"("dtype":"U8","data_offsets":[0,8],"shape":[[8]])"), "nested more than 3"));
}

TEST_CASE("a key given twice is refused at every level") {
  const std::string a = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  CHECK(refusal(file_with("{" + a + "," + a + "}", "12345678")) == "file: the header gives the key \"a\" twice");
  CHECK(contains(refusal_of_tensor(R"("dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8])"),
                 "gives the key \"dtype\" twice"));
  CHECK(contains(refusal(file_with(R"({"__metadata__":{"k":"1","k":"2"}})")), "gives the key \"k\" twice"));
  CHECK(contains(refusal(file_with(R"({"__metadata__":{},"__metadata__":{}})")), "gives the key \"__metadata__\""));
}

TEST_CASE("metadata holds strings only") {
  CHECK(parsed(file_with(R"({"__metadata__":{"format":"pt","note":""}})")).metadata ==
        Metadata{{"format", "pt"}, {"note", ""}});
  CHECK(refusal(file_with(R"({"__metadata__":{"k":1}})")) == "file: __metadata__ \"k\" must be a string");
  CHECK(refusal(file_with(R"({"__metadata__":[]})")) == "file: __metadata__ must be an object of strings");
  CHECK(refusal(file_with(R"({"__metadata__":null})")) == "file: __metadata__ must be an object of strings");
}

TEST_CASE("fields that the format does not name are ignored unless they nest deep") {
  const std::string known = R"("dtype":"F32","shape":[2],"data_offsets":[0,8],)";
  CHECK(refusal_of_tensor(known + R"("x":1.5)").empty());
  CHECK(refusal_of_tensor(known + R"("x":{"y":[]})") == "file: the header is nested more than 3 levels deep");
}

TEST_CASE("white space around the header is accepted") {
  const std::string header = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  CHECK(parsed(file_with(" \n\t\r" + header, "12345678")).entries.size() == 1);
  CHECK(parsed(file_with(header + std::string(4096, ' '), "12345678")).entries.size() == 1);
  CHECK_FALSE(refusal(file_with(header + "\0"s, "12345678")).empty());
  CHECK_FALSE(refusal(file_with("\f" + header, "12345678")).empty());
}

TEST_CASE("scalars, empty tensors and odd names are legal") {
  const auto contents = parsed(file_with(R"({"":{"dtype":"U8","shape":[],"data_offsets":[0,1]},)"
                                         R"("e\n\u00e9":{"dtype":"F32","shape":[3,0,5],"data_offsets":[1,1]}})",
                                         "1"));
  REQUIRE(contents.entries.size() == 2);
  CHECK(contents.entries[0].name.empty());
  CHECK(contents.entries[0].shape.empty());
  CHECK(contents.entries[1].name == "e\n\xC3\xA9");
  CHECK(contents.entries[1].bytes.empty());
}

TEST_CASE("entries come in data order, whatever the order of the header") {
  const std::string file = file_with(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},)"
                                     R"("b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                                     R"("c":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}})",
                                     "xyz");
  const auto contents = parsed(file);
  REQUIRE(contents.entries.size() == 3);
  CHECK(contents.entries[0].name == "b");
  CHECK(contents.entries[1].name == "c");
  CHECK(contents.entries[2].name == "a");
  CHECK(text_of(contents.entries[2].bytes) == "z");
}

TEST_CASE("a hostile name does not reach the terminal") {
  const std::string error = refusal(file_with(R"({"\u001b[2J)" + std::string(10'000, 'n') + R"(":7})"));
  CHECK(contains(error, "tensor \"?[2Jnnn"));
  CHECK(error.size() < 250);
}

TEST_CASE("mutations of a valid file parse or throw an Error, and parsed tensors lie in the file") {
  const std::string valid =
      file_with(R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
                R"("b":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]},)"
                R"("m":{"dtype":"F4","shape":[4],"data_offsets":[22,24]}})",
                "0123456789abcdefghijklmn");
  const std::string alphabet = R"({}[]",:0123456789-.eE\ub F)";
  std::mt19937 random{42};
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random()) % bound; };
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string file = valid;
    for (std::size_t edits = 1 + below(3); edits > 0 && file.size() > 1; --edits) {
      const std::size_t at = below(file.size());
      switch (below(6)) {
        case 0: file[at] = static_cast<char>(random()); break;
        case 1: file[at] = alphabet[below(alphabet.size())]; break;
        case 2: file.erase(at, 1 + below(8)); break;
        case 3: file.insert(at, 1, alphabet[below(alphabet.size())]); break;
        case 4: {
          const std::size_t length = below(40);
          file.insert(at, file.substr(below(file.size()), length));
          break;
        }
        default: file[at] = static_cast<char>(file[at] ^ (1 << below(8))); break;
      }
    }
    // Half of the rounds get a header length that fits again, so that they reach past the length.
    if (file.size() > 40 && round % 2 == 0) {
      const std::uint64_t size = file.size() - 32;
      std::memcpy(file.data(), &size, sizeof(size));
    }
    try {
      const auto contents = parsed(file);
      ++accepted;
      for (const TensorEntry& entry : contents.entries) {
        REQUIRE(entry.bytes.data() >= bytes_of(file).data());
        REQUIRE(entry.bytes.data() + entry.bytes.size() <= bytes_of(file).data() + file.size());
      }
    } catch (const Error&) {}
  }
  CHECK(accepted > 100);
}

}  // namespace
}  // namespace pst::io::test
