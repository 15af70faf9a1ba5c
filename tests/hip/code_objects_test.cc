// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "hip/code_objects.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "penstock/error.h"

namespace penstock::hip {
namespace {

std::string Chosen(const std::vector<CodeObject>& objects, std::string_view architecture) {
  const CodeObject* object = ChooseCodeObject(objects, architecture);
  return object == nullptr ? "none" : std::string(object->target);
}

TEST(ChooseCodeObject, TakesTheOneOfTheGpusOwnTarget) {
  const std::vector<CodeObject> objects = {{"gfx90a", {}}, {"gfx942", {}}, {"gfx1100", {}}};
  EXPECT_EQ(Chosen(objects, "gfx942"), "gfx942");
  EXPECT_EQ(Chosen(objects, "gfx1100"), "gfx1100");
}

TEST(ChooseCodeObject, DoesNotMindTheSettingsOfFeatures) {
  const std::vector<CodeObject> objects = {{"gfx906", {}}, {"gfx942", {}}};
  EXPECT_EQ(Chosen(objects, "gfx942:sramecc+:xnack-"), "gfx942");
  EXPECT_EQ(Chosen(objects, "gfx906:sramecc-:xnack+"), "gfx906");
}

TEST(ChooseCodeObject, TakesTheGenericTargetsWhereThereIsNoneOfItsOwn) {
  const std::vector<CodeObject> objects = {{"gfx9-4-generic", {}}, {"gfx11-generic", {}}};
  for (const char* target : {"gfx940", "gfx941", "gfx942", "gfx950", "gfx950:sramecc+:xnack-"}) {
    EXPECT_EQ(Chosen(objects, target), "gfx9-4-generic") << target;
  }
  for (const char* target : {"gfx1100", "gfx1101", "gfx1102", "gfx1103", "gfx1150", "gfx1151", "gfx1152", "gfx1153"}) {
    EXPECT_EQ(Chosen(objects, target), "gfx11-generic") << target;
  }
}

TEST(ChooseCodeObject, PrefersTheGpusOwnTargetToAGenericOne) {
  EXPECT_EQ(Chosen({{"gfx9-4-generic", {}}, {"gfx942", {}}}, "gfx942:xnack-"), "gfx942");
  EXPECT_EQ(Chosen({{"gfx942", {}}, {"gfx9-4-generic", {}}}, "gfx950"), "gfx9-4-generic");
}

TEST(ChooseCodeObject, FindsNoneForATargetThatIsNotThere) {
  const std::vector<CodeObject> objects = {{"gfx9-4-generic", {}}, {"gfx11-generic", {}}, {"gfx1100", {}}};
  for (const char* target : {"gfx90a", "gfx94", "gfx9420", "gfx1200", "gfx110", "", ":xnack+", "gfx942a"}) {
    EXPECT_EQ(Chosen(objects, target), "none") << target;
  }
  EXPECT_EQ(Chosen({}, "gfx942"), "none");
}

TEST(NoCodeObjectError, NamesTheOptionThatAddsTheTarget) {
  const absl::Status error = NoCodeObjectError({{"gfx90a", {}}, {"gfx942", {}}}, "gfx1102:xnack-");
  EXPECT_EQ(error.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CauseOf(error), "the GPU is a gfx1102, and this build has code for gfx90a, gfx942 only");
  EXPECT_THAT(RemedyOf(error), testing::HasSubstr("'-DPENSTOCK_AMD_TARGETS=gfx90a;gfx942;gfx1102'"));
}

// The embedded ones, read as what ELF says they are.

template <typename T>
T ReadAt(const CodeObject& object, uint64_t offset) {
  T value = {};
  if (offset <= object.bytes.size() && sizeof(T) <= object.bytes.size() - offset) {
    std::memcpy(&value, object.bytes.data() + offset, sizeof(T));
  } else {
    ADD_FAILURE() << object.target << " ends before " << offset + sizeof(T);
  }
  return value;
}

std::string_view Text(const CodeObject& object) {
  return {reinterpret_cast<const char*>(object.bytes.data()), object.bytes.size()};
}

/// The size of an object that the file exports, or -1.
int64_t SizeOfSymbol(const CodeObject& object, std::string_view wanted) {
  const auto header = ReadAt<Elf64_Ehdr>(object, 0);
  const auto section = [&](uint32_t i) { return ReadAt<Elf64_Shdr>(object, header.e_shoff + uint64_t{i} * sizeof(Elf64_Shdr)); };
  for (uint32_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr symbols = section(i);
    if (symbols.sh_type != SHT_DYNSYM) continue;
    const uint64_t names = section(symbols.sh_link).sh_offset;
    for (uint64_t at = 0; at < symbols.sh_size; at += sizeof(Elf64_Sym)) {
      const auto symbol = ReadAt<Elf64_Sym>(object, symbols.sh_offset + at);
      if (Text(object).substr(names + symbol.st_name).substr(0, wanted.size() + 1) != std::string(wanted) + '\0') continue;
      return ELF64_ST_TYPE(symbol.st_info) == STT_OBJECT ? static_cast<int64_t>(symbol.st_size) : -1;
    }
  }
  return -1;
}

TEST(EmbeddedCodeObjects, AreElfFilesForAmdGpusAtThePageThatTheirContentsNeed) {
  constexpr uint16_t kAmdGpu = 224;
  ASSERT_FALSE(CodeObjects().empty());
  for (const CodeObject& object : CodeObjects()) {
    const auto header = ReadAt<Elf64_Ehdr>(object, 0);
    EXPECT_EQ(std::memcmp(header.e_ident, ELFMAG, SELFMAG), 0) << object.target;
    EXPECT_EQ(header.e_machine, kAmdGpu) << object.target;
    EXPECT_EQ(header.e_shoff + uint64_t{header.e_shnum} * header.e_shentsize, object.bytes.size())
        << object.target << ": the section headers are the last thing in the file";
    EXPECT_EQ(reinterpret_cast<uintptr_t>(object.bytes.data()) % 4096, 0u) << object.target;
  }
}

TEST(EmbeddedCodeObjects, AreForTheTargetThatTheyAreListedUnder) {
  std::set<std::string> seen;
  for (const CodeObject& object : CodeObjects()) {
    EXPECT_TRUE(seen.emplace(object.target).second) << object.target << " is listed twice";
    const std::string triple = "amdgcn-amd-amdhsa--" + std::string(object.target);
    const size_t at = Text(object).find(triple);
    ASSERT_NE(at, std::string_view::npos) << object.target;
    const char after = Text(object).at(at + triple.size());
    EXPECT_FALSE(std::isalnum(static_cast<unsigned char>(after)) || after == '-' || after == ':')
        << object.target << " is only the beginning of the name in the file";
  }
}

TEST(EmbeddedCodeObjects, HaveTheKernelUnderItsName) {
  constexpr int64_t kDescriptorBytes = 64;
  const std::string descriptor = std::string(kMegakernelName) + ".kd";
  for (const CodeObject& object : CodeObjects()) EXPECT_EQ(SizeOfSymbol(object, descriptor), kDescriptorBytes) << object.target;
}

TEST(EmbeddedCodeObjects, AreWhatIsChosenForTheirTarget) {
  for (const CodeObject& object : CodeObjects()) {
    EXPECT_EQ(ChooseCodeObject(CodeObjects(), std::string(object.target) + ":sramecc+:xnack-"), &object);
  }
}

}  // namespace
}  // namespace penstock::hip
