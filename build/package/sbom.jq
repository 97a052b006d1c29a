# CycloneDX 1.5 from locked packages with their licences and hashes (one object for each program that has them).
def purl: "pkg:nuget/\(.name)@\(.version)";

map(select(.contentHash != .unpacked)) as $strange
| if $strange | length > 0 then error("not the package that the lock file names: " + ($strange | map(.name) | join(", "))) else . end
| . as $locked
| (group_by(purl) | map(.[0] + { programs: (map(.program) | unique) })) as $packages
| ($packages | map({ key: .name, value: purl }) | from_entries) as $ref
| {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      timestamp: ($epoch | todate),
      component: {
        type: "application",
        "bom-ref": "twill",
        name: "twill",
        version: $version,
        licenses: [{ license: { id: "Apache-2.0" } }],
        properties: [{ name: "architecture", value: $arch }]
      }
    },
    components: (
      [
        $programs[] | {
          type: "application",
          "bom-ref": "program:\(.name)",
          name: .name,
          version: $version,
          hashes: [{ alg: "SHA-256", content: .sha256 }],
          licenses: [{ license: { id: "Apache-2.0" } }]
        }
      ] + [
        $packages[] | {
          type: "library",
          "bom-ref": purl,
          name: .name,
          version: .version,
          scope: .scope,
          hashes: [{ alg: "SHA-512", content: .sha512 }],
          licenses: [{ license: { id: .license } }],
          purl: purl,
          properties: [{ name: "nuget:contentHash", value: .contentHash }]
        }
      ]
    ),
    dependencies: (
      [{ ref: "twill", dependsOn: [$programs[] | "program:\(.name)"] }]
      + [
        $programs[] | .name as $program | {
          ref: "program:\($program)",
          dependsOn: [$packages[] | select(.scope == "required" and (.programs | index($program))) | purl]
        }
      ]
      + [$packages[] | { ref: purl, dependsOn: [.dependencies[] | $ref[.] // empty] }]
    )
  }
