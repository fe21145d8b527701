//! The forms of a file.

use super::csv::Csv;

/// The form of a file, in UTF-8; [`Format::read`] gives the events back as they were.
///
/// JSON has one event a line. A line break between two parts of a document of the log is a space
/// there, which JSON takes for the same; a table keeps it. The forms of others have the event in the
/// wire form as well, so that nothing of it is lost where they have no field, or a coarser one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// An envelope of CloudEvents 1.0 a line, in the JSON event format.
    ///
    /// | attribute | of the event |
    /// |---|---|
    /// | `id` | `id` |
    /// | `source` | `/` and `service`, then `/audit_logs` |
    /// | `type` | `com.github.audit-rs.audit.` and `operation` in small letters |
    /// | `subject` | `table_schema`, `table_name` and `record_id`, with `/` between them |
    /// | `time` | `occurred_at` |
    /// | `data` | all of it, in the wire form |
    ///
    /// # Source
    /// <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>
    CloudEvents,
    /// A table with a header, by RFC 4180.
    Csv(Csv),
    /// A document of the Elastic Common Schema 9.4 a line.
    ///
    /// | field | of the event |
    /// |---|---|
    /// | `@timestamp`, `event.created` | `occurred_at`, `recorded_at` |
    /// | `event.id`, `event.reason`, `message` | `id`, `reason`, `label` |
    /// | `event.kind`, `event.category` | `event`, `database` |
    /// | `event.type` | `access` of SELECT, `info` of CUSTOM, `change` of the others |
    /// | `event.action` | `action`, or `operation` in small letters |
    /// | `event.outcome` | `outcome`; `failure` also where it was denied |
    /// | `event.severity` | `severity`, from 1 for low to 4 for critical |
    /// | `event.duration` | `duration_us`, in nanoseconds |
    /// | `error.code`, `error.message` | `error_code`, `error_message` |
    /// | `user.id`, `user.full_name`, `user.roles` | `actor_id`, `actor_name`, `roles` of the context |
    /// | `organization.id` | `tenant_id` |
    /// | `service.name`, `service.environment` | `service`, `environment` |
    /// | `http.request.id`, `http.request.method` | `request_id`, `method` of the context |
    /// | `client.ip`, `source.ip` | `client_ip`, `peer_ip` of the context, where they are addresses |
    /// | `trace.id`, `span.id`, `user_agent.original` | `trace_id`, `span_id`, `user_agent` of the context |
    /// | `audit` | all of it, in the wire form |
    ///
    /// The columns of all tables are fields of `audit.before_data` and `audit.after_data`: map these
    /// two as `flattened`, or an index gets a field for each.
    ///
    /// # Source
    /// <https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html>
    Ecs,
    /// One JSON array.
    Json,
    /// One JSON text a line, and nothing around them.
    Ndjson,
    /// An event of the Open Cybersecurity Schema Framework 1.8 a line, of the class Entity
    /// Management (3004): it is the one that has a record before and after, and why it was changed.
    ///
    /// | attribute | of the event |
    /// |---|---|
    /// | `activity_id` | `operation`: Create of INSERT, Read of SELECT, Update, Delete also of TRUNCATE; else Other |
    /// | `activity_name` | that word; of Other `action`, or `operation` in small letters |
    /// | `time`, `metadata.logged_time` | `occurred_at`, `recorded_at`, in milliseconds since 1970 |
    /// | `metadata.original_time`, `metadata.uid` | `occurred_at`, `id` |
    /// | `metadata.correlation_uid`, `http_request.uid` | `request_id` |
    /// | `metadata.event_code`, `.tenant_uid`, `.labels` | `action`, `tenant_id`, `compliance` |
    /// | `severity_id` | `severity`, from 2 for low to 5 for critical; 0 without |
    /// | `status_id` | `outcome`; Failure also where it was denied |
    /// | `status_code`, `status_detail` | `error_code`, `reason_code` or `error_message` |
    /// | `comment`, `message` | `reason`, `label` |
    /// | `duration` | `duration_us`, in milliseconds |
    /// | `actor.user.uid`, `.name`, `.type_id` | `actor_id`, `actor_name`, `actor_kind` |
    /// | `actor.app_name` | `service` |
    /// | `entity.uid`, `entity_result.uid` | `previous_record_id` or `record_id`, `record_id` |
    /// | `entity.name`, `.type` | `table_name`; without one the name is that of the activity |
    /// | `entity.data`, `entity_result.data` | `before_data`, `after_data` |
    /// | `http_request.http_method`, `.user_agent` | `method` of the context where it is one of HTTP, `user_agent` |
    /// | `src_endpoint.ip` | `client_ip` of the context, where it is an address |
    /// | `unmapped` | all but the images, in the wire form |
    ///
    /// # Source
    /// <https://schema.ocsf.io/1.8.0/classes/entity_management>
    Ocsf,
}

impl Format {
    /// The media type, for the header `Content-Type` of a response.
    ///
    /// # Source
    /// RFC 4180 and RFC 8259; that of lines is registered nowhere and understood widely.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Csv(_) => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
            Self::CloudEvents | Self::Ecs | Self::Ndjson | Self::Ocsf => "application/x-ndjson",
        }
    }

    /// The headers of a response that is the file: [`Format::content_type`] and
    /// [`Format::content_disposition`].
    #[must_use]
    pub fn headers(&self, name: &str) -> [(&'static str, String); 2] {
        [
            ("content-type", self.content_type().to_owned()),
            ("content-disposition", self.content_disposition(name)),
        ]
    }

    /// What the header `Content-Disposition` of a response is for a browser to save the file, under
    /// this name and the extension of the format. Of the name are kept the letters and digits of
    /// ASCII, `-`, `_` and dots; anything else becomes `_`.
    ///
    /// # Source
    /// RFC 6266.
    #[must_use]
    pub fn content_disposition(&self, name: &str) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let plain = |c| if is_plain(c) { c } else { '_' };
        let name: String = name.chars().map(plain).collect();
        let extension = match self {
            Self::Csv(_) => "csv",
            Self::Json => "json",
            Self::CloudEvents | Self::Ecs | Self::Ndjson | Self::Ocsf => "ndjson",
        };
        format!("attachment; filename=\"{name}.{extension}\"")
    }
}
