# From packages.lock.json of a program: the packages that are in it on one platform ($rid), one object each.
.dependencies["net10.0"] as $all
| .dependencies["net10.0/" + $rid] as $platform
| ($all + ($platform // error("no section for " + $rid)))
| to_entries[]
| select(.value.type != "Project")
| {
    $program,
    name: .key,
    version: .value.resolved,
    contentHash: .value.contentHash,
    dependencies: ((.value.dependencies // {}) | keys),
    # What compiles and trims is not in the programs; the runtime that the compiler's package for the platform brings is.
    scope: (if (.key | test("^Microsoft\\.(DotNet\\.ILCompiler|NET\\.ILLink\\.Tasks)$")) then "excluded" else "required" end)
  }
