namespace Twill.Cluster;

/// <summary>A text that shows itself nowhere but where it is asked for.</summary>
/// <param name="value">The text.</param>
public sealed class SecretText(string value) : IEquatable<SecretText>
{
    /// <summary>The text.</summary>
    public string Value => value;

    /// <inheritdoc/>
    public bool Equals(SecretText? other) => other is not null && other.Value == value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SecretText);

    /// <inheritdoc/>
    public override int GetHashCode() => value.GetHashCode(StringComparison.Ordinal);

    /// <summary>No part of it.</summary>
    public override string ToString() => "(secret)";
}
