"""The security headers of every answer; one that sets such a header itself, as the pages of `docs` do, keeps it."""

from typing import Final

import secure

from services.shared.settings.installation import Settings

YEAR_SECONDS: Final = 31_536_000


def of_answers(settings: Settings) -> list[tuple[bytes, bytes]]:
    """Return the headers of an API's answers: nothing may be loaded, framed, guessed or kept."""
    behind_tls = secure.StrictTransportSecurity().max_age(YEAR_SECONDS).include_subdomains()
    found = secure.Secure(
        cache=secure.CacheControl().no_store(),
        csp=secure.ContentSecurityPolicy().default_src("'none'").frame_ancestors("'none'").base_uri("'none'"),
        coop=secure.CrossOriginOpenerPolicy().same_origin(),
        corp=secure.CrossOriginResourcePolicy().same_origin(),
        hsts=behind_tls if settings.tls_terminating_proxy else None,
        permissions=secure.PermissionsPolicy().geolocation().camera().microphone(),
        referrer=secure.ReferrerPolicy().no_referrer(),
        xcto=secure.XContentTypeOptions().nosniff(),
        xfo=secure.XFrameOptions().deny(),
    )
    return [(name.lower().encode(), value.encode()) for name, value in found.header_items()]


def of_pages() -> dict[str, str]:
    """Return the headers of the documentation's pages, which load our own files and nothing else."""
    policy = (
        secure.ContentSecurityPolicy()
        .default_src("'none'")
        .script_src("'self'")
        .style_src("'self'", "'unsafe-inline'")
        .img_src("'self'", "data:")
        .connect_src("'self'")
        .frame_ancestors("'none'")
        .base_uri("'none'")
    )
    return {"Content-Security-Policy": policy.header_value, "Cache-Control": "no-cache"}
