// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/metrics.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "benchmarks/bench/result_file.h"
#include "benchmarks/cli/fresh_file.h"
#include "benchmarks/cli/one_line.h"
#include "benchmarks/cli/write_all.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/file_descriptor.h"

namespace penstock::bench {
namespace {

class NoMetrics final : public Metrics {
 public:
  void Update(const std::string&) override {}
};

constexpr absl::string_view kFirstWords = "# HELP penstock_bench_measuring ";  // of every text that MetricsText makes

class MetricsFile final : public Metrics {
 public:
  explicit MetricsFile(std::filesystem::path target) : target_(std::move(target)) {}

  void Update(const std::string& text) override {
    cli::FreshFile file(target_);
    if (file.fd() >= 0 && fchmod(file.fd(), 0644) == 0 && cli::WriteAll(file.fd(), text) == 0) file.Place();
  }

 private:
  const std::filesystem::path target_;
};

absl::Status CannotMake(const std::string& name, int error_number) {
  return MakeErrnoError(absl::StatusCode::kInvalidArgument, error_number, What(absl::StrCat("cannot make ", name)),
                        Fix("give --metrics a file in a directory that may be written to"));
}

/// Whether `name` is a file of an earlier run, which may be replaced. Waits for no other end of a pipe.
bool HoldsMetrics(const std::string& name) {
  const FileDescriptor file(open(name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat facts = {};
  if (file.get() < 0 || fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return false;
  char words[kFirstWords.size()];
  return read(file.get(), words, sizeof(words)) == sizeof(words) && absl::string_view(words, sizeof(words)) == kFirstWords;
}

/// Where a file of this name is made or replaced: a link stays one, and what it leads to is replaced.
absl::StatusOr<std::filesystem::path> TargetOf(const std::string& name) {
  std::error_code error;
  std::filesystem::path target = std::filesystem::absolute(name, error);
  if (error) return CannotMake(name, error.value());
  if (std::error_code ignored; std::filesystem::exists(std::filesystem::symlink_status(target, ignored))) {
    if (!HoldsMetrics(name)) {
      return MakeError(absl::StatusCode::kInvalidArgument,
                       What(absl::StrCat(name, " is there and is no file of metrics of penstock bench: it would be lost")),
                       Fix("give --metrics a file that is not there yet, or one that an earlier run has made"));
    }
    target = std::filesystem::canonical(target, error);
    if (error) return CannotMake(name, error.value());
  }
  const cli::FreshFile file(target);
  if (file.fd() < 0) return CannotMake(name, errno);
  return target;
}

class MetricsServer final : public Metrics {
 public:
  explicit MetricsServer(FileDescriptor listener) : listener_(std::move(listener)), thread_([this] { Serve(); }) {}
  ~MetricsServer() override {
    stopping_ = true;
    thread_.join();
  }

  void Update(const std::string& text) override {
    const std::lock_guard lock(mutex_);
    text_ = text;
  }

 private:
  static constexpr int kLookMs = 100;                     // between two looks whether to stop
  static constexpr uint64_t kPatienceNs = 1'000'000'000;  // with one that asks, from its first word to our last

  void Serve() {
    while (!stopping_) {
      pollfd waiting = {.fd = listener_.get(), .events = POLLIN, .revents = 0};
      if (poll(&waiting, 1, kLookMs) <= 0) continue;
      const FileDescriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (client.get() >= 0) Answer(client.get());
    }
  }

  /// Whatever is asked for, it is this: only the end of the question is waited for.
  void Answer(int client) {
    const uint64_t deadline_ns = MonotonicNs() + kPatienceNs;
    std::string question;
    char part[1024];
    constexpr size_t kLongest = 16384;
    while (question.size() < kLongest && question.find("\r\n\r\n") == std::string::npos) {
      if (!IsReady(client, POLLIN, deadline_ns)) return;
      const ssize_t got = recv(client, part, sizeof(part), MSG_DONTWAIT);
      if (got <= 0) return;
      question.append(part, static_cast<size_t>(got));
    }
    std::string text;
    {
      const std::lock_guard lock(mutex_);
      text = text_;
    }
    const std::string answer =
        absl::StrCat("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: ", text.size(),
                     "\r\nConnection: close\r\n\r\n", text);
    for (absl::string_view left = answer; !left.empty();) {
      if (!IsReady(client, POLLOUT, deadline_ns)) return;
      const ssize_t sent = send(client, left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) return;
      left.remove_prefix(static_cast<size_t>(sent));
    }
  }

  /// Whether it is before the deadline. The end of the run is waited for by nobody.
  bool IsReady(int client, short events, uint64_t deadline_ns) const {
    while (!stopping_ && MonotonicNs() < deadline_ns) {
      pollfd waiting = {.fd = client, .events = events, .revents = 0};
      if (poll(&waiting, 1, kLookMs) > 0) return true;
    }
    return false;
  }

  const FileDescriptor listener_;
  std::mutex mutex_;
  std::string text_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

absl::StatusOr<FileDescriptor> Listen(uint32_t port) {
  FileDescriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 && listen(listener.get(), 8) == 0)
    return listener;
  return MakeErrnoError(absl::StatusCode::kUnavailable, errno, What(absl::StrCat("cannot listen on 127.0.0.1:", port)),
                        Fix("give --metrics another port, or a file"));
}

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(cli::ValidUtf8(text), {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}});
}

}  // namespace

std::string MetricsText(const Job& job, const LiveStatus& live) {
  const std::string labels = absl::StrFormat(
      "{job=\"%s\",path=\"%s\",rw=\"%s\",bs=\"%d\",iodepth=\"%d\",numjobs=\"%d\",loop=\"%d\"}", Escaped(job.name),
      std::string(ReadPathName(job.path)), AccessName(job), job.max_block_bytes, job.iodepth, job.numjobs, job.loop);
  std::string text;
  const auto gauge = [&](const char* name, const char* help, double value) {
    absl::StrAppendFormat(&text, "# HELP penstock_bench_%s %s\n# TYPE penstock_bench_%s gauge\npenstock_bench_%s%s %.9g\n", name,
                          help, name, name, labels, value);
  };
  gauge("measuring", "1 while the run is measured: not while it warms up, and not once it is over.", live.is_measured ? 1 : 0);
  gauge("left_seconds", "Until this run ends.", live.seconds_left);
  if (!live.is_measured) return text;
  gauge("reads_per_second", "Reads that ended, over the last look's time.", live.reads_per_second);
  gauge("bytes_per_second", "Bytes that they brought.", live.bytes_per_second);
  gauge("latency_p99_seconds", "Of the last whole second.", static_cast<double>(live.p99_ns) * 1e-9);
  return text;
}

absl::StatusOr<std::unique_ptr<Metrics>> Metrics::Open(const std::string& where) {
  if (where.empty()) return std::make_unique<NoMetrics>();
  uint32_t port = 0;
  const size_t colon = where.rfind(':');
  const std::string host = where.substr(0, std::min(colon, where.size()));
  const bool is_address = colon != std::string::npos && (host == "127.0.0.1" || host == "localhost") &&
                          absl::SimpleAtoi(where.substr(colon + 1), &port);
  if (is_address) {
    PENSTOCK_ASSIGN_OR_RETURN(FileDescriptor listener, Listen(port));
    return std::make_unique<MetricsServer>(std::move(listener));
  }
  PENSTOCK_ASSIGN_OR_RETURN(std::filesystem::path target, TargetOf(where));
  return std::make_unique<MetricsFile>(std::move(target));
}

}  // namespace penstock::bench
