// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A folder in the shape of /sys or /proc, made for a test and removed at its end.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace penstock {

class FakeTree {
 public:
  FakeTree() : root_(std::filesystem::temp_directory_path() / "penstock_tree_XXXXXX") {
    std::string name = root_;
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  ~FakeTree() {
    std::error_code error;
    std::filesystem::remove_all(root_, error);
  }
  FakeTree(const FakeTree&) = delete;
  FakeTree& operator=(const FakeTree&) = delete;

  std::string root() const { return root_; }

  void Folder(const std::string& path) { std::filesystem::create_directories(root_ / path); }
  /// A file with a line feed at its end, as the kernel's are.
  void File(const std::string& path, const std::string& text) {
    Folder(std::filesystem::path(path).parent_path());
    std::ofstream(root_ / path) << text << "\n";
  }
  /// A relative link, as the kernel's are; both paths are below the root.
  void Link(const std::string& path, const std::string& target) {
    const std::filesystem::path folder = (root_ / path).parent_path();
    std::filesystem::create_directories(folder);
    std::filesystem::create_symlink((root_ / target).lexically_relative(folder), root_ / path);
  }
  void Remove(const std::string& path) { std::filesystem::remove_all(root_ / path); }

 private:
  std::filesystem::path root_;
};

}  // namespace penstock
