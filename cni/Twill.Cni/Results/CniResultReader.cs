using System.Net;
using System.Net.Sockets;
using Twill.System;

namespace Twill.Cni;

/// <summary>JSON to <see cref="CniResult"/>, in both families of shapes: ip4/ip6 until 0.2.0, lists since 0.3.0.</summary>
internal static class CniResultReader
{
    internal static CniResult Read(ConfigReader at, CniVersion assumed)
    {
        if (at.Object() is not ConfigReader result)
        {
            return at.Exists ? new CniResult() : at.Complain("a result", new CniResult());
        }

        CniVersion version = Version(result["cniVersion"], assumed);
        return version < CniVersion.V0_3_0 ? Legacy(result) : Lists(result);
    }

    private static CniVersion Version(ConfigReader at, CniVersion assumed)
    {
        if (at.OptionalString() is not string text)
        {
            return assumed;
        }

        if (CniVersion.TryParse(text, out CniVersion version) && version.IsSupported)
        {
            return version;
        }

        return at.Complain($"one of the versions {CniVersion.SupportedText}", assumed);
    }

    /// <summary>0.1.0 and 0.2.0: one address of each family at most, the routes inside it.</summary>
    private static CniResult Legacy(ConfigReader result)
    {
        var ips = new List<CniIp>();
        var routes = new List<CniRoute>();
        Family("ip4", AddressFamily.InterNetwork);
        Family("ip6", AddressFamily.InterNetworkV6);
        return new CniResult
        {
            Ips = ips,
            Routes = routes,
            Dns = CniDns.Parse(result["dns"]),
        };

        void Family(string key, AddressFamily family)
        {
            if (result[key].Object() is not ConfigReader config)
            {
                return;
            }

            if (config["ip"].Prefix(family) is (IPAddress address, int length))
            {
                ips.Add(new CniIp(address, length, config["gateway"].OptionalAddress(family)));
            }

            foreach (ConfigReader route in config["routes"].Items())
            {
                if (Route(route) is CniRoute read)
                {
                    routes.Add(read);
                }
            }
        }
    }

    private static CniResult Lists(ConfigReader result)
    {
        var interfaces = new List<CniInterface>();
        foreach (ConfigReader item in result["interfaces"].Items())
        {
            if (item.Object() is not ConfigReader link)
            {
                continue;
            }

            interfaces.Add(
                new CniInterface(
                    link["name"].RequiredString("the interface's name"),
                    link["mac"].OptionalString() ?? "",
                    link["mtu"].Int(0, 0, int.MaxValue),
                    link["sandbox"].OptionalString() ?? "",
                    link["socketPath"].OptionalString() ?? "",
                    link["pciID"].OptionalString() ?? ""
                )
            );
        }

        var ips = new List<CniIp>();
        foreach (ConfigReader item in result["ips"].Items())
        {
            if (item.Object() is ConfigReader ip && ip["address"].Prefix() is (IPAddress address, int length))
            {
                ips.Add(
                    new CniIp(
                        address,
                        length,
                        ip["gateway"].OptionalAddress(address.AddressFamily),
                        Index(ip["interface"], interfaces.Count)
                    )
                );
            }
        }

        var routes = new List<CniRoute>();
        foreach (ConfigReader item in result["routes"].Items())
        {
            if (Route(item) is CniRoute route)
            {
                routes.Add(route);
            }
        }
        return new CniResult
        {
            Interfaces = interfaces,
            Ips = ips,
            Routes = routes,
            Dns = CniDns.Parse(result["dns"]),
        };
    }

    private static int? Index(ConfigReader at, int count)
    {
        if (!at.Exists)
        {
            return null;
        }

        int index = at.Int(-1, int.MinValue, int.MaxValue);
        return index >= 0 && index < count ? index : at.Complain($"an index into the {count} interfaces", (int?)null);
    }

    /// <summary>A route; bits beyond the prefix are cleared, as other plugins leave them in.</summary>
    internal static CniRoute? Route(ConfigReader at)
    {
        if (at.Object() is not ConfigReader route || route["dst"].Prefix() is not (IPAddress dst, int length))
        {
            return null;
        }

        return new CniRoute(
            IPPrefix.Of(dst, length),
            route["gw"].OptionalAddress(),
            route["mtu"].Int(0, 0, int.MaxValue),
            route["advmss"].Int(0, 0, int.MaxValue),
            route["priority"].Int(0, 0, int.MaxValue),
            route["table"].Exists ? (uint)route["table"].Long(0, 0, uint.MaxValue) : null,
            route["scope"].Exists ? route["scope"].Int(0, 0, 255) : null
        );
    }
}
