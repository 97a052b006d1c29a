namespace Twill.Network.State;

/// <summary>
/// Whether a directory of records or state takes another file: found by writing one, because a full disk, one without inodes, a quota, a
/// read-only mount and missing rights all look different to every other question.
/// </summary>
public static class StorageProbe
{
    /// <summary>As large as a record may be.</summary>
    private const int Bytes = 4096;

    private const string Name = ".probe";

    /// <summary>Why no file can be written there, with the path; null when one can. Nothing is left.</summary>
    /// <param name="directory">absolute path; when it is missing, the nearest directory above it that is there is asked</param>
    public static string? WhyNotWritable(string directory)
    {
        string at = directory;
        while (!Directory.Exists(at) && Path.GetDirectoryName(at) is { } above)
        {
            at = above;
        }

        string probe = Path.Combine(at, Name);
        try
        {
            File.WriteAllBytes(probe, new byte[Bytes]);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{directory} cannot be written: {e.Message.Replace(probe, at)}";
        }
        finally
        {
            Delete(probe);
        }
    }

    private static void Delete(string probe)
    {
        try
        {
            File.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // it could not be made either
        }
    }
}
