"""Clients written for the real services, against a simulated tenant: MSAL, azure-identity, the generated
Microsoft Graph SDK, and requests for Defender for Endpoint, which has no SDK.

Nothing here knows that the tenant is simulated: only addresses, ids and trusted certificates come from the
environment (SIM_BASE, SIM_TENANT, SIM_CLIENT, SIM_SECRET, SIM_CERTIFICATE, SIM_PEOPLE, SIM_PASSWORD;
REQUESTS_CA_BUNDLE and SSL_CERT_FILE). Prints one line a step; ends with a trace at the first that fails.
"""

import asyncio
import os
import re
import sys
import urllib.parse

import msal
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CertificateCredential,
    ClientSecretCredential,
    DeviceCodeCredential,
)
from kiota_abstractions.api_error import APIError
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.security.alert import Alert
from msgraph.generated.models.security.alert_comment import AlertComment
from msgraph.generated.models.security.alert_classification import AlertClassification
from msgraph.generated.models.security.alert_determination import AlertDetermination
from msgraph.generated.models.security.alert_severity import AlertSeverity
from msgraph.generated.models.security.alert_status import AlertStatus
from msgraph.generated.models.security.incident import Incident
from msgraph.generated.models.security.incident_status import IncidentStatus
from msgraph.generated.security.alerts_v2.alerts_v2_request_builder import (
    Alerts_v2RequestBuilder,
)
from msgraph.generated.security.incidents.incidents_request_builder import (
    IncidentsRequestBuilder,
)
from msgraph.generated.security.incidents.item.incident_item_request_builder import (
    IncidentItemRequestBuilder,
)
from msgraph.generated.security.microsoft_graph_security_run_hunting_query.run_hunting_query_post_request_body import (
    RunHuntingQueryPostRequestBody,
)
from msgraph_core.tasks.page_iterator import PageIterator

BASE = os.environ["SIM_BASE"]
TENANT = os.environ["SIM_TENANT"]
CLIENT = os.environ["SIM_CLIENT"]
SECRET = os.environ["SIM_SECRET"]
CERTIFICATE = os.environ["SIM_CERTIFICATE"]
PERSON = os.environ["SIM_PERSON"]
GRAPH = "https://graph.microsoft.com/.default"
DEFENDER = "https://api.securitycenter.microsoft.com/.default"


def step(text):
    print("ok", text, flush=True)


def confidential(credential, **more):
    return msal.ConfidentialClientApplication(
        CLIENT,
        authority=f"{BASE}/{TENANT}",
        client_credential=credential,
        **more,
    )


def with_msal():
    """MSAL: secret, certificate in both header forms, refusals, a browser sign-in, a device code."""
    for discovery in (False, f"{BASE}/common/discovery/instance"):
        app = confidential(SECRET, instance_discovery=discovery)
        for scope in (GRAPH, DEFENDER):
            got = app.acquire_token_for_client([scope])
            assert got.get("access_token"), got
            assert got["expires_in"] > 3000 and got["token_source"] == "identity_provider"
        again = app.acquire_token_for_client([GRAPH])
        assert again["token_source"] == "cache", again
    step("msal: secret, with and without instance discovery, and its cache")

    refused = confidential("wrong", instance_discovery=False).acquire_token_for_client([GRAPH])
    assert refused["error"] == "invalid_client" and 7000215 in refused["error_codes"], refused
    step("msal: a wrong secret is refused")

    pem = open(CERTIFICATE, encoding="ascii").read()
    key, public = pem.split("-----END PRIVATE KEY-----", 1)
    key += "-----END PRIVATE KEY-----\n"
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    certificate = x509.load_pem_x509_certificate(public.strip().encode())
    credential = {"private_key": key, "public_certificate": public.strip()}
    for more in ({}, {"thumbprint": certificate.fingerprint(hashes.SHA1()).hex()}):
        app = confidential(credential | more, instance_discovery=False)
        # Both tokens come by one assertion, which the library keeps for some minutes.
        for scope in (GRAPH, DEFENDER):
            got = app.acquire_token_for_client([scope])
            assert got.get("access_token"), got
    step("msal: certificate, by SHA-256 and by SHA-1 thumbprint")

    public_app = msal.PublicClientApplication(
        CLIENT, authority=f"{BASE}/organizations", instance_discovery=False
    )
    flow = public_app.initiate_auth_code_flow(
        [GRAPH], redirect_uri="http://localhost:53125", login_hint=PERSON, response_mode="query"
    )
    answer = requests.get(flow["auth_uri"], allow_redirects=False, timeout=30)
    assert answer.status_code == 302, answer.text
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(answer.headers["location"]).query))
    got = public_app.acquire_token_by_auth_code_flow(flow, query)
    assert got.get("access_token"), got
    assert got["id_token_claims"]["preferred_username"] == PERSON
    account = public_app.get_accounts()[0]
    assert account["username"] == PERSON
    silent = public_app.acquire_token_silent([DEFENDER], account)
    assert silent and silent.get("access_token"), silent
    forced = public_app.acquire_token_silent([GRAPH], account, force_refresh=True)
    assert forced and forced["token_source"] == "identity_provider", forced
    step("msal: a browser sign-in with PKCE, another resource and a renewal by refresh token")

    def approve(address, code):
        page = requests.get(address, params={"user_code": code}, timeout=30)
        assert PERSON in page.text, page.text
        done = requests.post(address, data={"user_code": code, "choice": PERSON}, timeout=30)
        assert done.status_code == 200, done.text

    flow = public_app.initiate_device_flow([GRAPH])
    approve(flow["verification_uri"], flow["user_code"])
    got = public_app.acquire_token_by_device_flow(flow)
    assert got.get("access_token"), got
    credential = DeviceCodeCredential(
        CLIENT,
        tenant_id=TENANT,
        authority=BASE,
        disable_instance_discovery=True,
        prompt_callback=lambda address, code, _: approve(address, code),
    )
    assert credential.get_token(GRAPH).token
    step("msal and azure-identity: device code")


def credentials():
    """azure-identity: the same two credentials, and what a refusal looks like."""
    place = {"authority": BASE, "disable_instance_discovery": True}
    wrong = ClientSecretCredential(TENANT, CLIENT, "wrong", **place)
    try:
        wrong.get_token(GRAPH)
        raise AssertionError("a wrong secret signs in")
    except ClientAuthenticationError as error:
        assert "AADSTS7000215" in str(error), error
    return (
        ClientSecretCredential(TENANT, CLIENT, SECRET, **place),
        CertificateCredential(TENANT, CLIENT, CERTIFICATE, **place),
    )


def graph_client(credential):
    host = urllib.parse.urlparse(BASE)
    provider = AzureIdentityAuthenticationProvider(
        credential, scopes=[GRAPH], allowed_hosts=[host.netloc, host.hostname]
    )
    adapter = GraphRequestAdapter(provider)
    adapter.base_url = f"{BASE}/v1.0"
    return GraphServiceClient(request_adapter=adapter), adapter


async def with_graph(credential):
    """The generated SDK: paging by its own iterator, filters, updates, comments, hunting, errors."""
    client, adapter = graph_client(credential)

    query = IncidentsRequestBuilder.IncidentsRequestBuilderGetQueryParameters(
        top=20, expand=["alerts"]
    )
    first = await client.security.incidents.get(
        request_configuration=RequestConfiguration(query_parameters=query)
    )
    assert first.odata_next_link, "the first page has a next link"
    seen = []

    def note(incident):
        seen.append(incident)
        return True

    await PageIterator(first, adapter).iterate(note)
    assert len(seen) > 40 and len({i.id for i in seen}) == len(seen), len(seen)
    assert all(isinstance(i, Incident) and isinstance(i.status, IncidentStatus) for i in seen)
    assert any(i.alerts for i in seen), "expanded alerts are there"
    step(f"graph sdk: {len(seen)} incidents by its page iterator, alerts expanded")

    query = Alerts_v2RequestBuilder.Alerts_v2RequestBuilderGetQueryParameters(
        filter="severity eq 'high' and status eq 'new'", top=5
    )
    page = await client.security.alerts_v2.get(
        request_configuration=RequestConfiguration(query_parameters=query)
    )
    assert page.value and all(a.severity == AlertSeverity.High for a in page.value)
    alerts = []
    await PageIterator(page, adapter).iterate(lambda alert: alerts.append(alert) or True)
    kinds = {type(e).__name__ for a in alerts for e in a.evidence or []}
    assert "AlertEvidence" not in kinds and len(kinds) > 2, kinds
    step(f"graph sdk: {len(alerts)} alerts by filter, evidence as {len(kinds)} classes")

    alert = alerts[0]
    change = Alert(
        status=AlertStatus.InProgress,
        classification=AlertClassification.TruePositive,
        determination=AlertDetermination.Malware,
        assigned_to=PERSON,
    )
    changed = await client.security.alerts_v2.by_alert_id(alert.id).patch(change)
    assert changed.status == AlertStatus.InProgress and changed.assigned_to == PERSON
    comment = AlertComment(odata_type="microsoft.graph.security.alertComment", comment="seen by a client")
    # The generated code expects a bare array where the reference has {"value": [...]}, and so reads nothing
    # from the answer, here as at the real service.
    await client.security.alerts_v2.by_alert_id(alert.id).comments.post([comment])
    got = await client.security.alerts_v2.by_alert_id(alert.id).get()
    assert got.determination == AlertDetermination.Malware
    assert any(c.comment == "seen by a client" for c in got.comments)
    step("graph sdk: an alert changed and commented")

    mine = next(i for i in seen if i.status == IncidentStatus.Active)
    builder = client.security.incidents.by_incident_id(mine.id)
    changed = await builder.patch(
        Incident(status=IncidentStatus.InProgress, assigned_to=PERSON, custom_tags=["sdk"])
    )
    assert changed.status == IncidentStatus.InProgress and changed.custom_tags == ["sdk"]
    query = IncidentItemRequestBuilder.IncidentItemRequestBuilderGetQueryParameters(expand=["alerts"])
    read = await builder.get(request_configuration=RequestConfiguration(query_parameters=query))
    assert read.assigned_to == PERSON and read.last_update_date_time >= mine.last_update_date_time
    step("graph sdk: an incident changed and read back")

    body = RunHuntingQueryPostRequestBody(
        query="DeviceProcessEvents | summarize Count = count() by FileName | top 3 by Count", timespan="P30D"
    )
    found = await client.security.microsoft_graph_security_run_hunting_query.post(body)
    assert [(c.name, c.type) for c in found.schema] == [("FileName", "String"), ("Count", "Int64")], found.schema
    assert found.results and found.results[0].additional_data["Count"] > 0
    step("graph sdk: hunted")

    for call, status, code in (
        (client.security.incidents.by_incident_id("999999999").get(), 404, None),
        (
            client.security.microsoft_graph_security_run_hunting_query.post(
                RunHuntingQueryPostRequestBody(query="NoSuchTable | take 1")
            ),
            400,
            None,
        ),
    ):
        try:
            await call
            raise AssertionError("no refusal")
        except APIError as error:
            assert error.response_status_code == status, error
            assert error.error.code and error.error.message, error
            assert error.error.inner_error.request_id and error.error.inner_error.date, error
    step("graph sdk: refusals are read as its own error type")


def with_defender(credential):
    """Requests: a device by OData, isolation, its action until it ends or is cancelled."""
    session = requests.Session()
    session.headers["authorization"] = f"Bearer {credential.get_token(DEFENDER).token}"

    def call(method, path, status, **more):
        answer = session.request(method, f"{BASE}/api/{path}", timeout=30, **more)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.json()

    # This service pages by $top and $skip; a short page is the last.
    rows, page = [], [None] * 7
    while len(page) == 7:
        page = call("GET", "machines", 200, params={"$top": 7, "$skip": len(rows)})["value"]
        rows += page
    assert len({r["id"] for r in rows}) == len(rows) > 7
    alive = call(
        "GET", "machines", 200, params={"$filter": "healthStatus eq 'Active' and onboardingStatus eq 'Onboarded'"}
    )["value"]
    device = next(m for m in alive if m["osPlatform"].startswith("Windows1"))
    action = call(
        "POST", f"machines/{device['id']}/isolate", 201, json={"Comment": "contain", "IsolationType": "Full"}
    )
    assert action["type"] == "Isolate" and action["status"] in ("Pending", "InProgress")
    assert re.fullmatch(r"[0-9a-f-]{36}", action["id"]) and action["machineId"] == device["id"]
    assert call("GET", f"machineactions/{action['id']}", 200)["id"] == action["id"]
    found = call("GET", "machineactions", 200, params={"$filter": f"machineId eq '{device['id']}'"})
    assert any(a["id"] == action["id"] for a in found["value"])
    refused = call("POST", f"machines/{device['id']}/isolate", 400, json={"comment": "contain"})
    assert refused["error"]["code"] and refused["error"]["target"], refused
    step("requests: devices by pages and filter, one isolated through Defender for Endpoint")


def main():
    with_msal()
    by_secret, by_certificate = credentials()
    asyncio.run(with_graph(by_secret))
    for scope in (GRAPH, DEFENDER):
        assert by_certificate.get_token(scope).token
    step("azure-identity: secret and certificate")
    with_defender(by_certificate)


if __name__ == "__main__":
    sys.exit(main())
