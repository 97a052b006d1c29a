# A guide in Markdown as the body of a manual page: headings, paragraphs, tables, lists and code as the guides here have them.
function roff(text) {
  gsub(/\\/, "\\e", text)
  while (match(text, /\[[^\]]*\]\([^)]*\)/)) {
    link = substr(text, RSTART, RLENGTH); sub(/^\[/, "", link); sub(/\]\(.*/, "", link)
    text = substr(text, 1, RSTART - 1) link substr(text, RSTART + RLENGTH)
  }
  while (match(text, /`[^`]*`/)) text = substr(text, 1, RSTART - 1) "\\fB" substr(text, RSTART + 1, RLENGTH - 2) "\\fP" substr(text, RSTART + RLENGTH)
  while (match(text, /\*\*[^*]*\*\*/)) text = substr(text, 1, RSTART - 1) "\\fB" substr(text, RSTART + 2, RLENGTH - 4) "\\fP" substr(text, RSTART + RLENGTH)
  gsub(/-/, "\\-", text)
  return text ~ /^[.']/ ? "\\&" text : text
}
function trim(text) { gsub(/^ +| +$/, "", text); return text }
function leave_code() { if (code) { print ".EE\n.RE"; code = 0 } }
/^# / { next }
/^    / { if (!code) { print ".PP\n.RS 4\n.EX"; code = 1 } text = substr($0, 5); gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); print (text ~ /^[.']/ ? "\\&" : "") text; next }
code && /^$/ { held = 1; next }
{ leave_code() }
/^## / { printf ".SH \"%s\"\n", toupper(roff(substr($0, 4))); next }
/^\|[-| ]+\|$/ { next }
/^\|/ {
  n = split($0, cell, "|")
  if (!table) { table = 1; three = n > 4; next } # the head says what the columns are
  if (three) { value = trim(cell[3]); text = trim(cell[4]); printf ".TP\n\\&%s%s\n%s\n", roff(trim(cell[2])), value == "" ? "" : " (" roff(value) ")", roff(text) }
  else printf ".TP\n\\&%s\n%s\n", roff(trim(cell[2])), roff(trim(cell[3]))
  next
}
{ table = 0 }
/^- / { printf ".IP \\(bu 2\n%s\n", roff(substr($0, 3)); next }
/^  [^ ]/ { print roff(trim($0)); next }
/^$/ { print ".PP"; next }
{ print roff($0) }
END { leave_code() }
