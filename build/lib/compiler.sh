# shellcheck shell=bash
# One compiler for everything that a script compiles. Without it each project's compilation starts its own, which takes longer than most of
# them compile; the SDK's own server outlives the script.

# share_compiler: from here on `dotnet build` and publish.sh use a compiler of this script's own.
share_compiler() {
  export UseSharedCompilation=true SharedCompilationId=twill.$$
}

# end_compiler: ends it, if it ever started. It would end itself after ten idle minutes.
end_compiler() {
  local sdk
  sdk=$(dirname "$(readlink -f "$(command -v dotnet)")")/sdk/$(dotnet --version)
  dotnet exec "$sdk/Roslyn/bincore/VBCSCompiler.dll" "-pipename:$SharedCompilationId" -shutdown >/dev/null 2>&1 || true
}
