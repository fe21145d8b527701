//! The filters that a query and a reading of the log have in common.

/// Expands to the setters of a type with a method `narrow`, which changes its query: one list for
/// [`LogQuery`](crate::query::LogQuery) and [`Log`](crate::Log). Each reads
/// `pub fn table(self, name: impl OneOf<String>) -> Self`.
macro_rules! setters {
    () => {
        setters! { columns
            /// Events with one of these business verbs.
            action(String) = "action";
            /// Events of one of these actors.
            actor(String) = "actor_id";
            /// Events of actors of one of these kinds.
            actor_kind(crate::ActorKind) = "actor_kind";
            /// Events of one of these classes of data.
            data_class(crate::DataClass) = "data_class";
            /// Events of one of these environments.
            environment(String) = "environment";
            /// Events with one of these labels.
            label(String) = "label";
            /// Events that were done for one of these parties.
            on_behalf_of(String) = "on_behalf_of";
            /// Events of one of these operations.
            operation(crate::Operation) = "operation";
            /// Events that ended in one of these ways.
            outcome(crate::Outcome) = "outcome";
            /// Events that gave one of these records another id; with [`Self::record`] beside it an
            /// index leads to them.
            previous_record(String) = "previous_record_id";
            /// Events of one of these requests.
            request(String) = "request_id";
            /// Events of tables of one of these schemas.
            schema(String) = "table_schema";
            /// Events of one of these services.
            service(String) = "service";
            /// Events of one of these severities.
            severity(crate::Severity) = "severity";
            /// Events that one of these parts of the system wrote.
            source(crate::Source) = "source";
            /// Events of one of these tables.
            table(String) = "table_name";
            /// Events of one of these tenants.
            tenant(String) = "tenant_id";
            /// Events of one of these database transactions.
            transaction(String) = "transaction_id";
        }

        setters! { facts
            /// Events of one of these jobs, by `job` of the context.
            job = "job";
            /// Events of one of these routes, by `route` of the context.
            route = "route";
            /// Events of one of these traces, by `trace_id` of the context.
            trace = "trace_id";
        }

        /// Updates that changed this column.
        pub fn changed(self, column: impl Into<String>) -> Self {
            let filter = crate::query::filter::Filter::Contains("changed_fields", vec![column.into()]);
            self.narrow(|query| query.filters.push(filter))
        }

        /// Events that are evidence for every one of these regimes.
        pub fn compliance(self, regimes: impl crate::query::OneOf<String>) -> Self {
            use crate::query::filter::Filter;
            let regimes = regimes.into_values();
            let none = regimes.is_empty().then(|| Filter::OneOf("compliance", Vec::new()));
            let each = |regime| Filter::Contains("compliance", vec![regime]);
            let filters = regimes.into_iter().map(each).chain(none);
            self.narrow(|query| query.filters.extend(filters))
        }

        /// Events with a field of the images, the context or the metadata that meets a condition,
        /// such as `after.status = "paid"`; see [`FieldFilter`](crate::query::FieldFilter).
        pub fn filter(self, condition: impl Into<crate::query::FieldFilter>) -> Self {
            let filter = crate::query::filter::Filter::Field(condition.into());
            self.narrow(|query| query.filters.push(filter))
        }

        /// These events.
        pub fn id(self, ids: impl crate::query::OneOf<uuid::Uuid>) -> Self {
            let filter = crate::query::filter::Filter::Id(ids.into_values());
            self.narrow(|query| query.filters.push(filter))
        }

        /// At most this many, [`LogQuery::DEFAULT_LIMIT`](crate::query::LogQuery::DEFAULT_LIMIT)
        /// unless set; more than [`LogQuery::MAX_LIMIT`](crate::query::LogQuery::MAX_LIMIT) is an
        /// error.
        pub fn limit(self, limit: u32) -> Self {
            self.narrow(|query| query.limit = Some(limit))
        }

        /// Oldest first instead of newest first.
        pub fn oldest_first(self) -> Self {
            self.narrow(|query| query.oldest_first = true)
        }

        /// Events of one of these records, under the present or the previous id.
        pub fn record(self, ids: impl crate::query::OneOf<String>) -> Self {
            let filter = crate::query::filter::Filter::Record(ids.into_values());
            self.narrow(|query| query.filters.push(filter))
        }

        /// Events with this text, of 1 to 500 characters, inside the label, the description, the
        /// record id or the JSON text of an image, the names of columns included. ASCII letters
        /// match in either case, others as the database has it. No index of ours helps: narrow by time or
        /// table as well.
        pub fn search(self, text: impl Into<String>) -> Self {
            let filter = crate::query::filter::Filter::Search(text.into());
            self.narrow(|query| query.filters.push(filter))
        }

        /// Events at or after a time; see [`When`](crate::query::When).
        pub fn since(self, time: impl Into<crate::query::When>) -> Self {
            let filter = crate::query::filter::Filter::Since(time.into());
            self.narrow(|query| query.filters.push(filter))
        }

        /// Events before a time; see [`When`](crate::query::When).
        pub fn until(self, time: impl Into<crate::query::When>) -> Self {
            let filter = crate::query::filter::Filter::Until(time.into());
            self.narrow(|query| query.filters.push(filter))
        }

        /// Events of no record, but of a whole table, such as TRUNCATE; with [`Self::table`] beside it
        /// an index leads to them.
        pub fn whole_table(self) -> Self {
            self.narrow(|query| query.filters.push(crate::query::filter::Filter::NoRecord))
        }
    };
    (columns $($(#[$meta:meta])* $name:ident($kind:ty) = $column:literal;)+) => {
        $($(#[$meta])*
        pub fn $name(self, values: impl crate::query::OneOf<$kind>) -> Self {
            let values = values.into_values().iter().map(ToString::to_string).collect();
            let filter = crate::query::filter::Filter::OneOf($column, values);
            self.narrow(|query| query.filters.push(filter))
        })+
    };
    (facts $($(#[$meta:meta])* $name:ident = $path:literal;)+) => {
        $($(#[$meta])*
        pub fn $name(self, values: impl crate::query::OneOf<String>) -> Self {
            let document = crate::query::Document::Context;
            self.filter(crate::query::FieldFilter::is(document, $path, values.into_values()))
        })+
    };
}

pub(crate) use setters;
