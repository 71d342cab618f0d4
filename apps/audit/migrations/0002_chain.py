from collections.abc import Iterator
from typing import Any

from django.db import migrations, models

from apps.audit.chain import GENESIS, Row, next_hash

PAGE = 1000
COLUMNS = "at, actor_kind, actor_name, action, object_type, object_id, before, after, request_id"


def chain_what_is_there(apps: Any, editor: Any) -> None:
    """Number the rows from 1 in their order, and give each its hash.

    A number never grows by that, so that none meets another on its way. The plus keeps Django from converting a text.
    """
    with editor.connection.cursor() as cursor:
        digest = GENESIS
        for number, (old, *texts) in enumerate(rows(cursor), start=1):
            digest = next_hash(digest, Row(number, *texts))
            cursor.execute("UPDATE audit_auditentry SET id = %s, hash = %s WHERE id = %s", [number, digest, old])


def rows(cursor: Any) -> Iterator[tuple[Any, ...]]:
    expressions = ", ".join(f"+{name}" for name in COLUMNS.split(", "))
    select = f"SELECT id, {expressions} FROM audit_auditentry WHERE id > %s ORDER BY id LIMIT {PAGE}"  # noqa: S608 - constants
    page = cursor.execute(select, [-(2**63)]).fetchall()
    while page:
        yield from page
        page = cursor.execute(select, [page[-1][0]]).fetchall()


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.BigIntegerField(verbose_name="up to change")),
                ("hash", models.CharField(max_length=64)),
                ("fingerprint", models.CharField(max_length=72, verbose_name="signed by")),
                ("signed_at", models.CharField(max_length=20, verbose_name="signed (UTC)")),
                ("signature", models.CharField(max_length=88)),
            ],
            options={"ordering": ["-id"]},
        ),
        migrations.CreateModel(
            name="Verification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("number", models.BigIntegerField()),
                ("broken", models.BigIntegerField(null=True)),
                ("reason", models.CharField(blank=True, max_length=32)),
                ("words", models.TextField(blank=True)),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddField(
            model_name="auditentry",
            name="hash",
            field=models.CharField(default="", editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.RunPython(chain_what_is_there, migrations.RunPython.noop),
        migrations.AddIndex("auditentry", models.Index(fields=["actor_kind"], name="audit_door")),
        migrations.AddIndex("auditentry", models.Index(fields=["action"], name="audit_action")),
        migrations.AddIndex("auditentry", models.Index(fields=["request_id"], name="audit_request")),
        migrations.AddIndex("auditentry", models.Index(fields=["at"], name="audit_time")),
    ]
