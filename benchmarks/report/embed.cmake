# Writes OUTPUT, a C++ source that holds page.html, page.css and the scripts of FOLDER as strings.
# Usage: cmake -DFOLDER=... -DOUTPUT=... "-DSCRIPTS=a.js b.js" -P embed.cmake

function(append_string variable name text)
  set("${variable}" "${${variable}}const char ${name}[] = R\"penstock(${text})penstock\";\n" PARENT_SCOPE)
endfunction()

set(source "#include \"benchmarks/report/page_assets.h\"\n\nnamespace penstock::report {\n\n")
file(READ "${FOLDER}/page.html" html)
append_string(source kPageHtml "${html}")
file(READ "${FOLDER}/page.css" css)
append_string(source kPageCss "${css}")
set(script "")
separate_arguments(names UNIX_COMMAND "${SCRIPTS}")
foreach(name IN LISTS names)
  file(READ "${FOLDER}/${name}" text)
  string(APPEND script "${text}")
endforeach()
append_string(source kPageScript "${script}")
file(WRITE "${OUTPUT}" "${source}\n}  // namespace penstock::report\n")
