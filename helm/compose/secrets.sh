#!/bin/sh
# Makes the secrets of compose.yaml, once: random passwords, and the files that the servers and Storehand read them from.
# What is there already stays. The folder is this user's alone; its files may be read by the users inside the containers.
#   sh helm/compose/secrets.sh [FOLDER]      default: .storehand/secrets, which git and the image's build leave out
set -eu
umask 022
folder=${1:-.storehand/secrets}
mkdir -p "$folder"
chmod 700 "$folder"

password() { head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
make() { # NAME: stdin becomes this file
    cat >"$folder/$1"
    echo "made $folder/$1"
}
# A password stands in several files: they are made together or not at all.
there=0
for name in store_url broker_url redis_users rabbitmq_definitions grafana_password client.env; do
    [ ! -e "$folder/$name" ] || there=$((there + 1))
done
if [ "$there" -eq 6 ]; then
    echo "$folder is complete; to change a password remove the folder, and the volumes of the servers that know it"
    exit 0
elif [ "$there" -gt 0 ]; then
    echo "$folder holds $there of 6 files, and new passwords would not fit them; remove the folder and try again" >&2
    exit 1
fi
redis=$(password)
rabbitmq=$(password)

make store_url <<END
redis://storehand:$redis@redis:6379/0
END
make broker_url <<END
amqp://storehand:$rabbitmq@rabbitmq:5672/storehand
END
# The rights are those of SECURITY.md.
make redis_users <<END
user default off
user storehand on >$redis resetkeys resetchannels ~storehand* ~{storehand}* ~_kombu.* ~*.storehand.control.pidbox* &/0.storehand.control.pidbox &/0.storehand.events/* &/0.storehand.events/worker.* &{storehand}* -@all +@read +@write +@connection +@transaction +@pubsub +@scripting +@blocking -@dangerous +info +time
END
make rabbitmq_definitions <<END
{
  "vhosts": [{"name": "storehand"}],
  "users": [{"name": "storehand", "password": "$rabbitmq", "tags": []}],
  "permissions": [{
    "user": "storehand", "vhost": "storehand",
    "configure": "^(storehand.*|.*[.]storehand[.]control[.]pidbox)\$",
    "write": "^(amq[.]default|storehand.*|reply[.]storehand[.]control[.]pidbox|.*[.]storehand[.]control[.]pidbox)\$",
    "read": "^(storehand.*|reply[.]storehand[.]control[.]pidbox|.*[.]storehand[.]control[.]pidbox)\$"
  }]
}
END
make grafana_password <<END
$(password)
END
# For a shop's backend on this host: its client needs both.
make client.env <<END
STOREHAND_BROKER_URL=amqp://storehand:$rabbitmq@127.0.0.1:5672/storehand
STOREHAND_STORE_URL=redis://storehand:$redis@127.0.0.1:6379/0
END
chmod 600 "$folder/client.env"
