// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Feeds stored inputs to a fuzz target, so that whatever a fuzzer once found is tried again by every compiler.
// Usage: fuzz_TARGET FOLDER-OR-FILE...
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "tests/fuzz/input.h"

namespace fs = std::filesystem;

namespace {

void AddFiles(const fs::path& path, std::vector<fs::path>& files) {
  if (!fs::is_directory(path)) return files.push_back(path);
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) files.push_back(entry.path());
}

/// False if the file cannot be read.
bool Replay(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return false;
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  // Not a byte longer than the input, so that a read past its end is seen.
  const auto bytes = std::make_unique<uint8_t[]>(text.size());
  std::copy(text.begin(), text.end(), bytes.get());
  LLVMFuzzerTestOneInput(bytes.get(), text.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) AddFiles(argv[i], files);
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);  // the last line names the input that ends the process
    if (!Replay(file)) {
      std::fprintf(stderr, "%s cannot be read. Fix: name files, or folders of files, that can.\n", file.c_str());
      return 1;
    }
  }
  if (files.empty()) {
    std::fprintf(stderr, "there is no input. Fix: name the target's folder in tests/fuzz/corpus.\n");
    return 1;
  }
  std::printf("%zu inputs\n", files.size());
  return 0;
}
