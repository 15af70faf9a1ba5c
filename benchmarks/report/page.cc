// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/page.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "benchmarks/cli/one_line.h"
#include "benchmarks/report/page_assets.h"
#include "benchmarks/report/page_data.h"

namespace penstock::report {
namespace {

std::string Title(absl::Span<const Result> results) {
  return absl::StrJoin(results, " and ", [](std::string* out, const Result& result) { absl::StrAppend(out, result.name); });
}

/// The summary for who has scripts switched off.
std::string WithoutScripts(const Json& data) {
  std::string html;
  for (const Json& result : data["results"]) {
    absl::StrAppend(&html, "<p><b>", EscapeHtml(result["name"].get<std::string>()),
                    "</b>: ", EscapeHtml(result["summary"]["headline"].get<std::string>()), ".</p>");
    for (const Json& sentence : result["summary"]["sentences"]) {
      absl::StrAppend(&html, "<p>", EscapeHtml(sentence.get<std::string>()), ".</p>");
    }
  }
  return html;
}

}  // namespace

std::string EscapeHtml(const std::string& text) {
  return absl::StrReplaceAll(cli::ValidUtf8(text),
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string ScriptSafe(const Json& json) {
  // Outside of strings JSON has no '<', and inside one the escape is the same character.
  return absl::StrReplaceAll(json.dump(-1, ' ', false, Json::error_handler_t::replace), {{"<", "\\u003c"}});
}

std::string ReportPage(absl::Span<const Result> results) {
  const Json data = PageData(results);
  // One pass: what is put in is not searched for placeholders again.
  return absl::StrReplaceAll(kPageHtml, {{"{{title}}", EscapeHtml(Title(results))},
                                         {"{{style}}", kPageCss},
                                         {"{{summary}}", WithoutScripts(data)},
                                         {"{{data}}", ScriptSafe(data)},
                                         {"{{script}}", kPageScript}});
}

}  // namespace penstock::report
