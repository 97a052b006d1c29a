using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Twill.Cluster.Tests.Etcd;

/// <summary>A gRPC server on a loopback port that answers what a test hands it: what a member of etcd would not.</summary>
internal sealed class FakeEtcd : IDisposable
{
    private readonly WebApplication _app;

    private FakeEtcd(Func<FakeCall, Task> answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2)
        );
        _app = builder.Build();
        _app.Run(async context =>
        {
            FakeCall call = await FakeCall.ReadAsync(context);
            try
            {
                await answer(call);
            }
            catch (Exception e) when (e is OperationCanceledException or IOException)
            {
                // the client gave up, or the test is over
            }
        });
        ((IHost)_app).Start();
        Endpoint = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
    }

    public string Endpoint { get; }

    /// <summary>Answers each call by this procedure.</summary>
    public static FakeEtcd By(Func<FakeCall, Task> answer) => new(answer);

    /// <summary>Answers each call with this message and status OK.</summary>
    public static FakeEtcd Message(byte[] message) => new(call => call.AnswerAsync(message));

    /// <summary>Answers each call with this error.</summary>
    public static FakeEtcd Error(int code, string text) => new(call => call.EndAsync(code, text));

    public void Dispose()
    {
        using CancellationTokenSource now = new(TimeSpan.Zero);
        _app.StopAsync(now.Token).GetAwaiter().GetResult();
        ((IDisposable)_app).Dispose();
    }
}

/// <summary>A call to <see cref="FakeEtcd"/>, and how to answer it.</summary>
/// <param name="context">The HTTP request below.</param>
/// <param name="message">The request's message, or the first of a stream.</param>
internal sealed class FakeCall(HttpContext context, byte[] message)
{
    /// <summary>Such as "Range".</summary>
    public string Method => context.Request.Path.Value!.Split('/')[^1];

    public string Path => context.Request.Path.Value!;

    public byte[] Message => message;

    /// <summary>What the client sent along, such as its token.</summary>
    public string? Metadata(string name) => context.Request.Headers[name];

    public HttpContext Http => context;

    public CancellationToken Cancelled => context.RequestAborted;

    public static async Task<FakeCall> ReadAsync(HttpContext context)
    {
        byte[] head = new byte[5];
        await context.Request.Body.ReadExactlyAsync(head);
        byte[] message = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1))];
        await context.Request.Body.ReadExactlyAsync(message);
        return new FakeCall(context, message);
    }

    /// <summary>The message as the wire has it, behind its length or a length that is made up.</summary>
    public static byte[] Framed(byte[] message, uint? length = null)
    {
        byte[] framed = new byte[5 + message.Length];
        BinaryPrimitives.WriteUInt32BigEndian(framed.AsSpan(1), length ?? (uint)message.Length);
        message.CopyTo(framed, 5);
        return framed;
    }

    /// <summary>One message, and status OK.</summary>
    public async Task AnswerAsync(byte[] answer)
    {
        await SendAsync(Framed(answer));
        await EndAsync();
    }

    public Task AnswerAsync(IMessage answer) => AnswerAsync(answer.ToByteArray());

    /// <summary>These bytes, whatever they are.</summary>
    public async Task SendAsync(byte[] bytes)
    {
        if (!context.Response.HasStarted)
        {
            context.Response.ContentType = "application/grpc";
        }

        await context.Response.Body.WriteAsync(bytes, Cancelled);
        await context.Response.Body.FlushAsync(Cancelled);
    }

    /// <summary>The status at the end.</summary>
    public async Task EndAsync(int code = 0, string text = "")
    {
        string status = code.ToString(CultureInfo.InvariantCulture),
            description = Uri.EscapeDataString(text);
        if (context.Response.HasStarted)
        {
            context.Response.AppendTrailer("grpc-status", status);
            context.Response.AppendTrailer("grpc-message", description);
        }
        else
        {
            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-status"] = status;
            context.Response.Headers["grpc-message"] = description;
        }

        await context.Response.CompleteAsync();
    }

    /// <summary>Breaks the stream off.</summary>
    public void Reset(int error = 8) => context.Features.Get<IHttpResetFeature>()!.Reset(error);
}
