// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The bytes that a fuzz target is given, taken from the front as values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <vector>

namespace penstock::fuzz {

/// Past the end every value is 0, so that each input means something.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  bool empty() const { return size_ == 0; }

  template <typename T>
  T Take() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    Fill(&value, sizeof(value));
    return value;
  }
  uint8_t Byte() { return Take<uint8_t>(); }

  /// `count` values, aligned as T is, with nothing before or behind them that may be read.
  template <typename T>
  std::vector<T> TakeMany(size_t count) {
    std::vector<T> values(count);
    Fill(values.data(), count * sizeof(T));
    return values;
  }

  /// Everything up to the next NUL, which is dropped, or up to the end.
  std::string_view TakeText() {
    const void* const nul = size_ == 0 ? nullptr : std::memchr(data_, 0, size_);
    const size_t length = nul == nullptr ? size_ : static_cast<size_t>(static_cast<const uint8_t*>(nul) - data_);
    const std::string_view text(reinterpret_cast<const char*>(data_), length);
    Drop(std::min(length + 1, size_));
    return text;
  }

  std::string_view rest() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  void Fill(void* into, size_t bytes) {
    const size_t count = std::min(bytes, size_);
    if (count != 0) std::memcpy(into, data_, count);
    Drop(count);
  }
  void Drop(size_t count) {
    data_ += count;
    size_ -= count;
  }

  const uint8_t* data_;
  size_t size_;
};

}  // namespace penstock::fuzz

// What every target defines: libFuzzer's entry, which replay.cc calls too. It returns 0; whatever is wrong ends the process.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
