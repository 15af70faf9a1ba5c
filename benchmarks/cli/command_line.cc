// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/command_line.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/reflection.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "benchmarks/cli/byte_size.h"
#include "penstock/error.h"
#include "penstock/ingest.h"
#include "runtime/host/gpus.h"

namespace penstock::cli {
namespace {
// Not an optional: Abseil guards flags of two words with a fence that GCC's thread sanitizer does not know.
constexpr ByteSize kToTheEnd{std::numeric_limits<uint64_t>::max()};
}  // namespace
}  // namespace penstock::cli

ABSL_FLAG(std::string, op, "crc32c", "what the kernel does with the bytes");
ABSL_FLAG(std::string, path, "auto", "how the bytes get from the disk into memory");
ABSL_FLAG(std::string, buffer, "pinned", "what memory the bytes land in");
ABSL_FLAG(bool, pull, false, "let the kernel fetch the bytes by itself");
ABSL_FLAG(bool, iopoll, false, "poll the controller for completions");
ABSL_FLAG(bool, sqpoll, false, "let a kernel thread submit");
ABSL_FLAG(std::string, device, "auto", "what runs the kernel");
ABSL_FLAG(penstock::cli::ByteSize, chunk, penstock::cli::ByteSize{1u << 20}, "bytes a read");
ABSL_FLAG(uint32_t, depth, 32, "reads in flight");
ABSL_FLAG(penstock::cli::ByteSize, offset, penstock::cli::ByteSize{0}, "where to start on each source");
ABSL_FLAG(penstock::cli::ByteSize, length, penstock::cli::kToTheEnd, "bytes of each source");
ABSL_FLAG(std::string, order, "sequential", "the order in which chunks are read");
ABSL_FLAG(uint64_t, seed, 1, "of a random order");
ABSL_FLAG(uint32_t, workgroups, 0, "workgroups of the kernel");
ABSL_FLAG(double, read_timeout, 30, "seconds after which a read is given up");
ABSL_FLAG(penstock::cli::ByteSize, size, penstock::cli::ByteSize{0}, "bytes of a window");
ABSL_FLAG(std::string, volume, "", "what to check a window with");
ABSL_FLAG(bool, json, false, "print one JSON object");
ABSL_FLAG(double, dump_ring, 0, "seconds between two dumps of the live ring");

namespace penstock::cli {
namespace {

constexpr char kHelp[] = R"(penstock streams files into a resident kernel and prints what it made of them.

usage: penstock ingest SOURCE... [--op=crc32c|histogram|match|verify|none] [options]
       penstock probe [VOLUME...] [--json]
       penstock bench VOLUME... [options]            (penstock bench --help)
       penstock report RESULT.json... -o FILE.html   (penstock report --help)
       penstock window list | reserve --device=hip[:N] --size=SIZE | release N | check [N] [options]
       penstock --help | --version

ingest: a SOURCE is a file, a block device or an NVMe namespace (/dev/ng0n1, /dev/nvme0n1, /dev/disk/by-id/...); a directory
stands for the regular files below it. Sources are opened read-only.
probe: tells what this host offers, and tries every path on each VOLUME (default: every NVMe namespace) with a small read.
bench: measures every path of a volume, splits the time of a read, and says whether the counters agree.
report: makes a page, or another program's format, of what bench has measured.
window: buffers in a GPU's memory that NVMe reads can land in, by the kernel module penstock_p2p. list shows them; reserve makes
one, which stays when the command ends; release gives one back; check reads a volume into one and compares every byte, as the CPU
and as the device sees it: a report to keep or to send.

  --op=crc32c        CRC-32C of each source (the default)
  --op=histogram     how often each byte value occurs in each source
  --op=match         occurrences of literal patterns, counted as `grep -o -a -F` does: leftmost, longest, no overlap
  --op=verify        compares each source with a pattern, repeated from its first byte on
  --op=none          moves the bytes and looks at none of them: what reading alone costs
  --pattern=TEXT     for match: a pattern, may be given several times; for verify: the one pattern

  --path=auto        the first of these that works for a source; what was refused is reported, with the remedy
  --path=bar         NVMe passthrough straight into a device's memory; needs --buffer=window or p2pmem
  --path=nvme        NVMe passthrough into registered host buffers: no block layer, no copy by the CPU
  --path=read        io_uring READ_FIXED with O_DIRECT into registered buffers: no copy by the CPU
  --path=pread       plain reads through the page cache
  --buffer=pinned    the bytes land in this host's memory
  --buffer=window[:N]
                     the bytes land in a window of a GPU's memory: the only one, or number N of penstock window list
  --buffer=p2pmem:ADDRESS
                     the bytes land in the peer-to-peer memory of the PCI function at ADDRESS, e.g. 0000:41:00.0: an NVMe
                     controller's memory buffer, for one
  --pull             the kernel gets a list of what to read and asks this host for each chunk itself; with --op=crc32c or none.
                     The depth is then of all sources together
  --iopoll           completions are polled for (needs nvme.poll_queues); not for path pread
  --sqpoll           a kernel thread submits; not for path pread
  --chunk=1MiB       bytes a read; a multiple of 4KiB, at most 256MiB
  --depth=32         reads in flight of each controller or file system, 1 to 4096. Locks 2 x depth x chunk of memory for each
  --offset=0         where to start on each source: bytes, or 64KiB, 1MiB, 1GiB. On a block device whole logical blocks
  --length=SIZE      how much of each source (default: to its end). Results are of these bytes, offsets in them from the first
  --order=sequential chunks are read in the order of their bytes
  --order=random     each source's chunks are read in a random order, to measure with: --op=none or histogram, with --pull none or
                     crc32c
  --seed=1           which random order
  --read-timeout=30  seconds after which a read that hangs is given up

  --device=auto      the first GPU if one can be used, otherwise cpu; why not the GPU is reported, with the remedy
  --device=cpu       the kernel runs on threads of this machine
  --device=hip[:N]   the kernel runs on a GPU: the first, or number N of those that `penstock probe` lists
  --workgroups=N     its workgroups (default: on cpu processors - 1, at least 1; on a GPU one for each compute unit)

  --size=1GiB        window reserve: how much of the GPU's memory, a multiple of 2MiB
  --volume=VOLUME    window check: the NVMe namespace to read (default: the first one)

  --json             print one JSON object instead of a table; the one option of probe and of window list
  --dump-ring=1      print the live ring's slots and counters to stderr, every so many seconds and at the end

Exit status: 0 if every byte of every source was consumed (and, for verify, is as it should be), 1 if not, 2 for a wrong
command line, 130 after Ctrl-C, SIGTERM or SIGHUP. Of probe: 0 if every volume could be opened and has a path that works,
1 if not. Of window: 0 if it was done, of window check: if every byte was right; 1 if not.

  penstock ingest /var/log --op=match --pattern=error --pattern=warning
  penstock ingest disk.img --op=crc32c --json | jq -r '.source[].crc32c'
  penstock ingest disk.img --op=none --path=read --chunk=128KiB --depth=64
  penstock ingest /dev/ng0n1 --path=bar --buffer=p2pmem:0000:00:05.0
  penstock window reserve --device=hip:0 --size=1GiB && penstock window check
  penstock ingest /dev/ng0n1 --path=bar --buffer=window --device=hip:0
  penstock ingest disk.img --offset=1MiB --length=512MiB
  penstock probe --json | jq -r '.volume[] | .name + " " + (.auto // "nothing works")'
)";

absl::Status Wrong(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(std::move(what)), Fix(std::move(fix)));
}

/// What Abseil's flags cannot do: --pattern more than once, and dashes inside names.
struct Prepared {
  std::vector<std::string> arguments;
  std::vector<std::string> patterns;
  bool help = false;
  bool version = false;
};

absl::StatusOr<Prepared> Prepare(int argc, char** argv) {
  Prepared prepared;
  bool only_names = false;
  for (int i = 0; i < argc; ++i) {
    std::string argument = argv[i];
    if (i == 0 || only_names || argument.size() < 2 || argument[0] != '-') {
      prepared.arguments.push_back(argument);
      continue;
    }
    if (argument == "--") only_names = true;
    if (argument == "-h") argument = "--help";
    if (absl::ascii_isalpha(static_cast<unsigned char>(argument[1]))) argument.insert(0, 1, '-');  // Abseil's flags take one too.
    const size_t equals = std::min(argument.find('='), argument.size());
    std::replace(argument.begin() + 2, argument.begin() + static_cast<ptrdiff_t>(std::max<size_t>(equals, 2)), '-', '_');
    if (argument == "--help" || argument == "--version") {
      (argument == "--help" ? prepared.help : prepared.version) = true;
    } else if (absl::StartsWith(argument, "--pattern=")) {
      prepared.patterns.push_back(argument.substr(equals + 1));
    } else if (argument == "--pattern") {
      if (++i == argc) return Wrong("--pattern has no value", "write --pattern=TEXT");
      prepared.patterns.emplace_back(argv[i]);
    } else {
      prepared.arguments.push_back(argument);
    }
  }
  return prepared;
}

/// "depth" of "--depth=7".
std::string NameOf(const std::string& option) {
  const absl::string_view text = absl::StripPrefix(absl::StripPrefix(option, "-"), "-");
  return std::string(text.substr(0, text.find('=')));
}

/// Abseil ends the process with its own words on a flag that it does not know or a value that does not fit; ours come first.
absl::Status CheckFlags(const std::vector<std::string>& arguments) {
  for (size_t i = 1; i < arguments.size() && arguments[i] != "--"; ++i) {
    if (!absl::StartsWith(arguments[i], "-") || arguments[i] == "-") continue;
    const size_t equals = arguments[i].find('=');
    const std::string name = NameOf(arguments[i]);
    // Abseil's own are not ours: they would take words from files and the environment.
    const bool is_abseils = name == "flagfile" || name == "fromenv" || name == "tryfromenv" || name == "undefok";
    absl::CommandLineFlag* flag = is_abseils ? nullptr : absl::FindCommandLineFlag(name);
    if (flag == nullptr) return Wrong(absl::StrCat("there is no option --", name), "see penstock --help");
    if (equals == std::string::npos && flag->IsOfType<bool>()) continue;
    std::string value;  // an empty one is no value either, though Abseil's optional flags take it for "not given"
    if (equals != std::string::npos) {
      value = arguments[i].substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    }
    if (value.empty()) return Wrong(absl::StrCat("--", name, " has no value"), absl::StrCat("write --", name, "=VALUE"));
    std::string error;
    if (!flag->ParseFrom(value, &error)) {
      return Wrong(absl::StrCat("--", name, ": ", error), "see penstock --help");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckOneOf(std::string_view flag, const std::string& value, const std::vector<std::string>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return absl::OkStatus();
  return Wrong(absl::StrCat("--", std::string(flag), "=", value), absl::StrCat("use one of ", absl::StrJoin(allowed, ", ")));
}

absl::Status CheckPatterns(const CommandLine& line) {
  if (line.operation == "match" && line.patterns.empty()) return Wrong("--op=match without a pattern", "add --pattern=TEXT");
  if (line.operation == "verify" && line.patterns.size() != 1) {
    return Wrong(absl::StrCat("--op=verify with ", line.patterns.size(), " patterns"), "add one --pattern=TEXT");
  }
  if (line.operation != "match" && line.operation != "verify" && !line.patterns.empty()) {
    return Wrong(absl::StrCat("--op=", line.operation, " takes no pattern"), "use --pattern with --op=match or --op=verify");
  }
  return absl::OkStatus();
}

/// What a random order does not change the result of. The kernel that pulls has results put together in order afterwards.
absl::Status CheckOrder(const CommandLine& line) {
  PENSTOCK_RETURN_IF_ERROR(CheckOneOf("order", absl::GetFlag(FLAGS_order), {"sequential", "random"}));
  if (!line.shuffle_seed.has_value() || line.pull || line.operation == "none" || line.operation == "histogram") {
    return absl::OkStatus();
  }
  return Wrong(absl::StrCat("--order=random with --op=", line.operation),
               "use --op=none or --op=histogram, or --pull with --op=crc32c, or leave --order out");
}

absl::Status CheckLine(const CommandLine& line, uint64_t chunk_bytes) {
  PENSTOCK_RETURN_IF_ERROR(CheckOneOf("op", line.operation, {"crc32c", "histogram", "match", "verify", "none"}));
  PENSTOCK_RETURN_IF_ERROR(CheckOneOf("path", absl::GetFlag(FLAGS_path), {"auto", "bar", "nvme", "read", "pread"}));
  PENSTOCK_RETURN_IF_ERROR(CheckPatterns(line));
  PENSTOCK_RETURN_IF_ERROR(CheckOrder(line));
  if (chunk_bytes == 0 || chunk_bytes % 4096 != 0 || chunk_bytes > IngestOptions::kMaxChunkBytes) {
    return Wrong(absl::StrCat("--chunk=", chunk_bytes), "use a multiple of 4KiB, at most 256MiB");
  }
  if (line.depth == 0 || line.depth > IngestOptions::kMaxDepth) {
    return Wrong(absl::StrCat("--depth=", line.depth), absl::StrCat("use 1 to ", IngestOptions::kMaxDepth));
  }
  if (!(line.read_timeout_seconds > 0)) return Wrong("--read-timeout is not positive", "give a number of seconds");
  if (!(line.dump_ring_seconds >= 0)) return Wrong("--dump-ring is no number of seconds", "give one above 0, or leave it out");
  if (line.pull && line.operation != "crc32c" && line.operation != "none") {
    return Wrong(absl::StrCat("--pull with --op=", line.operation), "use --op=crc32c or --op=none, or leave --pull out");
  }
  if (line.path == ReadPath::kPread && (line.poll_device || line.kernel_thread)) {
    return Wrong("--path=pread with --iopoll or --sqpoll", "leave them out: path pread uses no io_uring");
  }
  const uint32_t most_workgroups = line.device == DeviceKind::kCpu ? 1024 : 65535;
  if (line.workgroups > most_workgroups) {
    return Wrong(absl::StrCat("--workgroups=", line.workgroups), absl::StrCat("use 1 to ", most_workgroups));
  }
  if (line.sources.empty()) return Wrong("no source was given", "name a file, a directory or a block device");
  return absl::OkStatus();
}

/// Fills in what --device asks for.
absl::Status TakeDevice(const std::string& device, CommandLine& line) {
  absl::string_view index = device;
  if (device == "auto" || device == "cpu") {
    line.device = device == "cpu" ? DeviceKind::kCpu : DeviceKind::kAuto;
    return absl::OkStatus();
  }
  if (device != "hip" && (!absl::ConsumePrefix(&index, "hip:") || !absl::SimpleAtoi(index, &line.gpu_index))) {
    return Wrong(absl::StrCat("--device=", device), "use one of auto, cpu, hip, or hip: and a GPU's number, e.g. hip:1");
  }
  line.device = DeviceKind::kHip;
  if (host::IsBuiltWithHip()) return absl::OkStatus();
  return Wrong(absl::StrCat("--device=", device, ": this penstock is built without HIP"),
               "use --device=cpu, or build penstock with -DPENSTOCK_WITH_HIP=ON");
}

absl::StatusOr<Command> CommandNamed(const std::vector<char*>& words) {
  const std::string_view name = words.size() < 2 ? "" : words[1];
  if (name == "ingest") return Command::kIngest;
  if (name == "probe") return Command::kProbe;
  if (name == "window") return Command::kWindow;
  return Wrong(name.empty() ? "no command was given" : absl::StrCat("there is no command ", words[1]),
               "write penstock ingest SOURCE..., or probe, bench, report or window in its place; see penstock --help");
}

/// A command that has few of the options.
struct ShortCommand {
  std::string name;
  std::vector<std::string> options;
  std::string fix;
};

/// Options that would be ignored are refused: they say that the user expects something else.
absl::Status CheckOptionsOf(const ShortCommand& command, const CommandLine& line, const std::vector<std::string>& arguments) {
  std::vector<std::string> given;
  if (!line.patterns.empty()) given.push_back("pattern");
  for (size_t i = 1; i < arguments.size() && arguments[i] != "--"; ++i) {
    if (absl::StartsWith(arguments[i], "-") && arguments[i] != "-") given.push_back(NameOf(arguments[i]));
  }
  for (const std::string& option : given) {
    if (std::find(command.options.begin(), command.options.end(), option) != command.options.end()) continue;
    return Wrong(absl::StrCat(command.name, " has no option --", absl::StrReplaceAll(option, {{"_", "-"}})), command.fix);
  }
  return absl::OkStatus();
}

absl::Status TakeWindow(const std::vector<std::string>& arguments, CommandLine& line) {
  PENSTOCK_ASSIGN_OR_RETURN(line.window, WindowRequestOf(line.sources));
  line.sources.clear();
  const std::vector<std::string> options = OptionsOf(line.window.action);
  const std::string takes = options.empty() ? "no options" : absl::StrCat("--", absl::StrJoin(options, ", --"));
  PENSTOCK_RETURN_IF_ERROR(CheckOptionsOf({absl::StrCat("penstock window ", WindowActionName(line.window.action)), options,
                                           absl::StrCat("leave it out: it takes ", takes)},
                                          line, arguments));
  PENSTOCK_RETURN_IF_ERROR(TakeDevice(absl::GetFlag(FLAGS_device), line));
  line.window.volume = absl::GetFlag(FLAGS_volume);
  line.window.size_bytes = absl::GetFlag(FLAGS_size).bytes;
  if (line.window.action != WindowAction::kReserve) return absl::OkStatus();
  if (line.device != DeviceKind::kHip) {
    return Wrong("penstock window reserve without a GPU", "add --device=hip:N; penstock probe lists the GPUs");
  }
  constexpr uint64_t kWindowUnitBytes = 2 << 20;  // where the kernel can begin and end a range of pages
  if (line.window.size_bytes == 0 || line.window.size_bytes % kWindowUnitBytes != 0) {
    return Wrong(absl::StrCat("penstock window reserve with --size=", AbslUnparseFlag(ByteSize{line.window.size_bytes})),
                 "give a multiple of 2MiB, e.g. --size=1GiB");
  }
  return absl::OkStatus();
}

/// What only other commands take, or what another option makes sense of.
absl::Status CheckIngestOptions(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    if (argument[0] != '-') continue;
    const std::string name = NameOf(argument);
    if (name == "size" || name == "volume") {
      return Wrong(absl::StrCat("penstock ingest has no option --", name), "leave it out: it is penstock window's");
    }
    if (name == "seed" && absl::GetFlag(FLAGS_order) == "sequential") {
      return Wrong("--seed without --order=random", "add --order=random, or leave --seed out");
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string HelpText() { return kHelp; }

absl::StatusOr<CommandLine> ParseCommandLine(int argc, char** argv) {
  PENSTOCK_ASSIGN_OR_RETURN(Prepared prepared, Prepare(argc, argv));
  CommandLine line;
  line.help = prepared.help;
  line.version = prepared.version;
  line.patterns = std::move(prepared.patterns);
  if (line.help || line.version) return line;
  PENSTOCK_RETURN_IF_ERROR(CheckFlags(prepared.arguments));

  std::vector<char*> pointers;
  for (std::string& argument : prepared.arguments) pointers.push_back(argument.data());
  const std::vector<char*> rest = absl::ParseCommandLine(static_cast<int>(pointers.size()), pointers.data());
  PENSTOCK_ASSIGN_OR_RETURN(line.command, CommandNamed(rest));
  line.sources.assign(rest.begin() + 2, rest.end());
  line.json = absl::GetFlag(FLAGS_json);
  if (line.command == Command::kProbe) {
    const ShortCommand probe = {"penstock probe", {"json"}, "leave it out: probe takes volumes and --json"};
    PENSTOCK_RETURN_IF_ERROR(CheckOptionsOf(probe, line, prepared.arguments));
    return line;
  }
  if (line.command == Command::kWindow) {
    PENSTOCK_RETURN_IF_ERROR(TakeWindow(prepared.arguments, line));
    return line;
  }
  PENSTOCK_RETURN_IF_ERROR(CheckIngestOptions(prepared.arguments));
  line.operation = absl::GetFlag(FLAGS_op);
  line.path = ReadPathNamed(absl::GetFlag(FLAGS_path));
  PENSTOCK_RETURN_IF_ERROR(TakeDevice(absl::GetFlag(FLAGS_device), line));
  PENSTOCK_ASSIGN_OR_RETURN(line.buffer, BufferChoiceNamed(absl::GetFlag(FLAGS_buffer)));
  line.pull = absl::GetFlag(FLAGS_pull);
  line.poll_device = absl::GetFlag(FLAGS_iopoll);
  line.kernel_thread = absl::GetFlag(FLAGS_sqpoll);
  line.depth = absl::GetFlag(FLAGS_depth);
  line.offset_bytes = absl::GetFlag(FLAGS_offset).bytes;
  if (const ByteSize length = absl::GetFlag(FLAGS_length); length.bytes != kToTheEnd.bytes) line.length_bytes = length.bytes;
  if (absl::GetFlag(FLAGS_order) == "random") line.shuffle_seed = absl::GetFlag(FLAGS_seed);
  line.workgroups = absl::GetFlag(FLAGS_workgroups);
  line.read_timeout_seconds = absl::GetFlag(FLAGS_read_timeout);
  line.dump_ring_seconds = absl::GetFlag(FLAGS_dump_ring);
  PENSTOCK_RETURN_IF_ERROR(CheckLine(line, absl::GetFlag(FLAGS_chunk).bytes));
  line.chunk_bytes = static_cast<uint32_t>(absl::GetFlag(FLAGS_chunk).bytes);
  return line;
}

}  // namespace penstock::cli
