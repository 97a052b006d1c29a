[assembly: global::System.Runtime.Versioning.SupportedOSPlatform("linux")]
