// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "benchmarks/cli/fresh_file.h"
#include "benchmarks/cli/write_all.h"
#include "penstock/error.h"

namespace penstock::report {
namespace {

absl::Status CannotOpen(const std::string& name, int error_number) {
  return MakeErrnoError(absl::StatusCode::kFailedPrecondition, error_number, What(absl::StrCat("cannot open ", name)),
                        Fix("name a file in a folder that exists and you may write to"));
}

absl::Status CannotWrite(const std::string& name, int error_number) {
  return MakeErrnoError(absl::StatusCode::kFailedPrecondition, error_number, What(absl::StrCat("cannot write ", name)),
                        Fix("make room where it goes, or name another place with -o"));
}

absl::Status WriteAll(int file, const std::string& text, const std::string& name) {
  const int error_number = cli::WriteAll(file, text);
  return error_number == 0 ? absl::OkStatus() : CannotWrite(name, error_number);
}

/// Some disks say only when a file is closed that it did not fit.
absl::Status WriteAndClose(int file, const std::string& text, const std::string& name) {
  absl::Status status = WriteAll(file, text, name);
  if (close(file) != 0 && status.ok()) status = CannotWrite(name, errno);
  return status;
}

using FileFacts = struct stat;

std::optional<FileFacts> FactsOf(const std::string& name) {
  FileFacts facts = {};
  if (stat(name.c_str(), &facts) != 0) return std::nullopt;
  return facts;
}

bool IsSame(const FileFacts& one, const FileFacts& other) { return one.st_dev == other.st_dev && one.st_ino == other.st_ino; }

bool IsStandardOutput(const FileFacts& facts) {
  FileFacts output = {};
  return fstat(STDOUT_FILENO, &output) == 0 && IsSame(facts, output);
}

/// By whatever name the one and the other are called.
absl::Status CheckIsNoResult(const ReportRequest& request, const FileFacts& facts) {
  if (!S_ISREG(facts.st_mode)) return absl::OkStatus();
  for (const std::string& name : request.results) {
    const std::optional<FileFacts> result = FactsOf(name);
    if (!result.has_value() || !IsSame(*result, facts)) continue;
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     What(absl::StrCat("the output ", request.output, " is the result ", name, ", which would be lost")),
                     Fix("name another file with -o"));
  }
  return absl::OkStatus();
}

/// What cannot be made, because there is something of its name.
absl::Status Exists(const std::string& name) {
  if (!FactsOf(name).has_value()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, What(absl::StrCat(name, " is a link to a file that does not exist")),
                     Fix("remove the link, or name another file with -o"));
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, What(absl::StrCat(name, " exists")),
                   Fix("name another file with -o, or overwrite it with --force"));
}

absl::Status WriteNew(const std::string& name, const std::string& text) {
  const int file = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) return errno == EEXIST ? Exists(name) : CannotOpen(name, errno);
  absl::Status status = WriteAndClose(file, text, name);
  if (!status.ok()) unlink(name.c_str());  // Half a report would look like a whole one.
  return status;
}

/// A device or a pipe cannot be replaced, and has no old text to keep.
absl::Status WriteInto(const std::string& name, const std::string& text) {
  const int file = open(name.c_str(), O_WRONLY | O_CLOEXEC);
  return file < 0 ? CannotOpen(name, errno) : WriteAndClose(file, text, name);
}

/// Through a file beside it, so that whoever looks sees the old text or the new one, whole. A link stays one: what it leads to is
/// replaced. `facts` are the old file's, whose owner and mode the new one gets as far as this user may give them.
absl::Status Replace(const std::string& name, const FileFacts& facts, const std::string& text) {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::canonical(name, error);
  if (error) return CannotOpen(name, error.value());
  if (access(target.c_str(), W_OK) != 0) return CannotOpen(name, errno);  // A rename would not ask.
  cli::FreshFile file(target);
  if (file.fd() < 0) return CannotOpen(name, errno);
  const bool same_owner = fchown(file.fd(), facts.st_uid, facts.st_gid) == 0;
  const bool same_mode = fchmod(file.fd(), facts.st_mode & (same_owner ? 07777U : 0777U)) == 0;
  if (!same_mode) return CannotWrite(name, errno);
  PENSTOCK_RETURN_IF_ERROR(WriteAll(file.fd(), text, name));
  const int error_number = file.Place();
  return error_number == 0 ? absl::OkStatus() : CannotWrite(name, error_number);
}

}  // namespace

absl::Status WriteOutput(const ReportRequest& request, const std::string& text) {
  if (request.output == "-") return WriteAll(STDOUT_FILENO, text, "to standard output");
  const std::optional<FileFacts> facts = FactsOf(request.output);
  if (!facts.has_value()) return WriteNew(request.output, text);
  PENSTOCK_RETURN_IF_ERROR(CheckIsNoResult(request, *facts));
  if (!request.overwrite) return Exists(request.output);
  if (IsStandardOutput(*facts)) return WriteAll(STDOUT_FILENO, text, request.output);
  return S_ISREG(facts->st_mode) ? Replace(request.output, *facts, text) : WriteInto(request.output, text);
}

}  // namespace penstock::report
