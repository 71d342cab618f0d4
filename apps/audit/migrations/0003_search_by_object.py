from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_chain")]

    operations = [
        migrations.RemoveIndex("auditentry", "audit_object"),
        migrations.AddIndex("auditentry", models.Index(fields=["object_id", "object_type"], name="audit_which")),
    ]
