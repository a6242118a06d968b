"""The audit: numbered checks that ask of an export what has fooled published work."""

from pipeline.cohort.audit.context import AuditContext, open_export
from pipeline.cohort.audit.finding import Finding
from pipeline.cohort.audit.runner import AuditReport, audit, audit_folder

__all__ = ["AuditContext", "AuditReport", "Finding", "audit", "audit_folder", "open_export"]
