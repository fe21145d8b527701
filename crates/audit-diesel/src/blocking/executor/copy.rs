//! COPY of PostgreSQL, into a table: what Diesel copies out of one through is not public.

use diesel::Connection;
use diesel::pg::CopyFromQuery;
use diesel::pg::PgConnection;
use diesel::prelude::ExecuteCopyFromDsl;
use diesel::result::Error;

use super::super::database::sealed::Reach;
use super::connection::AuditedConnection;

impl<C, T, A> ExecuteCopyFromDsl<AuditedConnection<C>> for CopyFromQuery<T, A>
where
    C: Reach<Raw = PgConnection> + Connection,
    Self: ExecuteCopyFromDsl<PgConnection, Error: From<Error>>,
{
    type Error = <Self as ExecuteCopyFromDsl<PgConnection>>::Error;

    fn execute(self, connection: &mut AuditedConnection<C>) -> Result<usize, Self::Error> {
        self.execute(connection.current()?)
    }
}
