use super::*;

fn call(method: &Method, path: &str, cloud: Cloud) -> Result<(Call, String), (u16, String)> {
    Target::of(path)
        .and_then(|t| t.find(method, cloud).map(|(r, k)| (r.call, k.to_owned())))
        .map_err(|r| (r.status, r.message))
}

#[test]
fn paths_are_read_in_every_documented_spelling() {
    let get = &Method::GET;
    for (method, path, expected, key) in [
        (get, "/v1.0/security/incidents/4127", Call::Incident, "4127"),
        (
            get,
            "/v1.0/security/incidents('4127')",
            Call::Incident,
            "4127",
        ),
        (
            get,
            "/beta/Security/Incidents(4127)",
            Call::Incident,
            "4127",
        ),
        (
            get,
            "/v1.0/security/incidents/$count",
            Call::IncidentCount,
            "",
        ),
        (
            &Method::POST,
            "/v1.0/security/incidents('7')/comments",
            Call::CommentIncident,
            "7",
        ),
        (
            &Method::POST,
            "/v1.0/security/microsoft.graph.security.runHuntingQuery",
            Call::Hunt,
            "",
        ),
        (
            &Method::POST,
            "/v1.0/security/incidents/microsoft.graph.security.mergeIncidents",
            Call::MergeIncidents,
            "",
        ),
        (
            get,
            "/beta/security/getHuntingSchema()",
            Call::HuntingSchema,
            "",
        ),
        (
            &Method::POST,
            "/v1.0/users/a@b.example/microsoft.graph.revokeSignInSessions",
            Call::RevokeSessions,
            "a@b.example",
        ),
    ] {
        assert_eq!(
            call(method, path, Cloud::Global),
            Ok((expected, key.to_owned())),
            "{path}"
        );
    }
}

#[test]
fn what_is_not_there_is_named() {
    let get = &Method::GET;
    for (method, path, cloud, status, part) in [
        (
            get,
            "/v1.0/security/nothing/x",
            Cloud::Global,
            400,
            "'nothing'",
        ),
        (get, "/v1.0/me", Cloud::Global, 400, "'me'"),
        (
            get,
            "/v2.0/security/incidents",
            Cloud::Global,
            400,
            "Invalid version: v2.0",
        ),
        (
            get,
            "/v1.0/security/incidentTasks",
            Cloud::Global,
            400,
            "'incidentTasks'",
        ),
        (
            get,
            "/v1.0/security/incidents/1/evidence",
            Cloud::Global,
            400,
            "'evidence'",
        ),
        (
            &Method::DELETE,
            "/v1.0/security/incidents/1",
            Cloud::Global,
            405,
            "not allowed",
        ),
        (
            &Method::HEAD,
            "/v1.0/security/incidents",
            Cloud::Global,
            405,
            "not allowed",
        ),
        (
            get,
            "/v1.0/security/incidents/1/comments",
            Cloud::Global,
            405,
            "not allowed",
        ),
        (
            get,
            "/v1.0/security/incidents",
            Cloud::China,
            404,
            "'incidents'",
        ),
        (
            get,
            "/v1.0/security/collaboration/analyzedEmails/x",
            Cloud::GccHigh,
            404,
            "'analyzedEmails'",
        ),
    ] {
        let (got, message) = call(method, path, cloud).expect_err(path);
        assert_eq!(got, status, "{path}: {message}");
        assert!(message.contains(part), "{path}: {message}");
    }
    assert!(call(get, "/v1.0/identityProtection/riskyUsers", Cloud::China).is_ok());
    assert!(call(get, "/v1.0/security/incidents", Cloud::GccHigh).is_ok());
}
