"""The words of operators, as data: which words mean what. A phrase may have several words; the longest one wins.

Words of acts are told apart by form, because only the plain form can be a request: ``restart`` (RESTART), ``restarting``
(RESTART+ING), ``restarted`` (RESTART+ED). A plural ``s`` of a noun needs no entry.
"""

# ruff: noqa: E501
from __future__ import annotations

__all__ = ["ACTS", "CONCEPTS", "KINDS", "PHRASES", "VOCABULARY"]

# act: plain forms | -ing forms | past forms and nouns that are no request
ACTS: dict[str, str] = {
    "DEPLOY": "deploy,redeploy,deployment of,roll out,rollout,roll it out,ship,ship it,release it,install,launch,"
    "go live,put live,start the deployment,begin the deployment,kick off the deployment,start the rollout,run the deployment,run the playbook,run the deploy playbook,bringup,stand up,set up the app"
    "| deploying,redeploying,installing,shipping,launching | deployed,redeployed,installed,shipped,rolled out",
    "UPGRADE": "upgrade,update | upgrading,updating | upgraded,updated",
    "BUILD": "build,rebuild,containerize,containerise,dockerize,dockerise,compile,image build,docker build,make an image,"
    "make a new image,create an image | building,rebuilding | built,rebuilt",
    "LOAD": "load,image load,side load,sideload,push the image,push,import the image | loading,pushing | loaded,pushed",
    "RESTART": "restart,reboot,bounce,recycle,cycle,kick,rolling restart,reload,respawn,re start "
    "| restarting,rebooting,bouncing,recycling,cycling | restarted,rebooted,bounced,recycled",
    "SCALE": "scale,scale up,scale down,scale out,scale in,resize,replicas to,increase,decrease,reduce,double,halve,add,"
    "bump,drop | scaling,scaling up,scaling down | scaled,scaled up,scaled down",
    "ROLLBACK": "rollback,roll back,revert,go back,switch back,downgrade,back out,restore the previous version,"
    "restore the last version,return to the previous version,restore | rolling back,reverting,going back,downgrading "
    "| rolled back,reverted,downgraded",
    "UNINSTALL": "uninstall,remove,tear down,teardown,takedown,take down,get rid of,decommission,wipe,clean up,purge,"
    "undeploy,nuke,bring down | uninstalling,removing,tearing down | uninstalled,removed,torn down",
    "DELETE": "delete,destroy,evict,drop the | deleting,destroying | deleted,destroyed",
    "STOP": "stop,shut down,shutdown,turn off,halt,pause,suspend,kill,terminate | stopping,shutting down,killing | stopped,paused,killed",
    "START": "start,boot,power up,spin up,start up,turn on | starting,booting | started",
    "FIX": "fix,repair,remediate,heal,solve,resolve,patch it up,make it work,get it working,apply the fix,apply fix,"
    "sort it out,sort out,take care of,deal with,handle,mend,correct,do the fix,take the fix,make it healthy,get it healthy "
    "| fixing,repairing,solving,resolving | fixed,repaired,solved",
    "UNDO": "undo,undo that,take it back,take that back,put it back,change it back,reverse,reverse that,"
    "revert that,revert it,revert the last change,roll that back,as it was before | undoing | undone",
    "RESUME": "resume,continue,carry on,go on,pick up,proceed with the run | resuming,continuing | resumed",
    "ABORT": "abort,cancel the run,stop the run,cancel the deployment,stop the deployment,kill the run,end the run "
    "| aborting | aborted",
    "GENERATE": "generate,create a,create the,write a,write the,scaffold,make a dockerfile,make me a "
    "| generating,writing | generated",
    "ENSURE": "create the missing,create missing,make the missing,make missing,ensure,create the secrets,make the secrets",
    "APPLY": "apply,touch,mess with,kubectl apply,edit,modify,patch,change,set,configure,rename,expose,annotate,label,taint,drain,cordon "
    "| editing,modifying,patching | applied,edited,modified",
}

CONCEPTS: dict[str, str] = {
    # what is asked for
    "LOG": "log,logfile,log line,log output,output,stdout,stderr,console output,stack trace,stacktrace,traceback,tail,printing,prints,logged,logging,writing to the console",
    "EVENT": "event",
    "DESCRIBE": "describe,detail,description of,tell me about,tell me more about,info on,info about,information on,"
    "information about,more about,look at,inspect",
    "YAML": "yaml,manifest,spec,full definition,definition,raw object",
    "ENV": "environment variable,variable,env,environment of,environment for,configuration of,environment propagation",
    "ENVIRONMENT": "environment,prerequisite,requirement,doctor,preflight,pre-flight,installed tools,my machine,"
    "this machine,ready to deploy,docker running,docker installed,docker ok,docker up,helm installed,kubectl installed,"
    "setup ok,everything installed,my setup,the setup,enough memory,enough disk,disk space",
    "TOP": "top,usage,cpu,memory,ram,consumption,consuming,consumes,utilization,utilisation,resource usage,memory usage,"
    "resources used,resources are used,hungry,hungriest,eating,using the most",
    "HISTORY": "history,revision history,release history,revision,release log,past releases,past versions,"
    "previous versions,what changed,what has changed,what was changed,what is different,what is new,changelog,"
    "recent changes,last change,latest change,changed recently,who changed,what did you change,what did we change,"
    "changes,changed,anything change,something change,touched,recently",
    "DIFF": "diff,difference,compare,drift,drifted",
    "IMPACT": "impact,consequence,effect of,side effect,risk,risky,what would be lost,data at risk",
    "RELEASE": "release,helm release,chart installed,installed chart,helm list",
    "IMAGE": "image,docker image,container image",
    "USERS": "who am i,which cluster,what cluster,which target,what target,where am i,where are we,which context",
    "CONNECTIVITY": "connectivity,connection,connect,reach,reachable,talk to,reaches,dns,network path,can access,"
    "network between,communicate,service discovery",
    "SECURITY": "security,exposed,exposure,leaked,leaking,leak,hardcoded,hard-coded,secure,privileged,hardened,security posture,vulnerability,run as root,runs as root,"
    "running as root,as root,security context,network policy,network policies,security check,security audit,audit",
    "PULLSECRET": "pull secret,image pull secret,imagepullsecret,registry credentials,registry secret,pull credentials",
    "ENDPOINT": "endpoint,url,route,api answer,http check,response time,how fast,http status",
    "AUTH": "auth,authentication,login,log in,logging in,jwt,token,tokens,sign in,sign-in,signing in,401",
    "CHATBOT": "chat,chatbot,chat bot,bot,conversation,mcp tools,mcp tool access,tool access",
    "CONSTITUTION": "constitution,invariant,principle,the rules",
    "PERSISTENCE": "persistence,persistent,data survives,data survive,persist,data is kept,data kept,data survival",
    "TRIGGER": "trigger,rollback trigger",
    "RUN": "run,runs,the run,last run,deployment run,playbook run,deployment runs,pipeline",
    "STAGE": "stage,stages",
    "REPORT": "report,acceptance report",
    "PLAN": "plan,deployment plan,dry run,dry-run,dryrun,what is planned,what is the plan,preview",
    "LINT": "lint,linter,validate the chart,check the chart,check the dockerfile,hadolint,validate,lint check",
    "TEST": "test,helm test,run the tests,smoke test,chart test,tests",
    "TEMPLATE": "render,template,helm template,rendered manifest",
    "ANALYZE": "analyze project,analyze,analyse,project analysis,what language,which language,which framework,"
    "what framework,tech stack,what is it written in,written in,fingerprint,content tag",
    "CHART": "chart,helm chart",
    "DOCKERFILE": "dockerfile,docker file",
    "CLUSTER": "cluster,minikube,the node up,minikube cluster,kubernetes cluster,apiserver,api server,kubelet",
    "APP": "app,application,everything,all services,every service,the whole thing,whole stack,stack,all of it,the lot,"
    "whole app,system,project,them all,all of them,all the services,the todo app,things,whole system,whole application",
    # how it is
    "HEALTH": "healthy,health,ok,okay,fine,alright,all right,in order,green,well,alive,all good,up and running,"
    "looking good,good,work,works,working,in good shape,ready,operational,functional,health check,healthcheck,sane",
    "STATUS": "status,state,overview,summary,situation,what is running,what is deployed,what is up,running,"
    "how is,how are,doing,how does it look,how do things look,how do we look,going on,what have we got,up,"
    "what do we have,inventory,state of affairs,how far,progress,what runs,currently deployed,where do we stand",
    "WRONG": "wrong,broken,break,breaks,broke,problem,issue,trouble,failing,fail,fails,failed,failure,faulty,"
    "down,dead,crash,crashes,crashing,crashed,crashloop,crashlooping,crashloopbackoff,crash loop,imagepullbackoff,"
    "errimagepull,oom,oomkilled,oom killed,unhealthy,unavailable,unreachable,stuck,hangs,hanging,hung,pending,not ready,"
    "restarts,keeps restarting,keeps crashing,keep crashing,keep restarting,restart loop,restart count,flapping,"
    "misbehaving,weird,strange,slow,acting up,acting weird,acting strange,500,502,503,504,time out,times out,timing out,"
    "timeout,red,sad,borked,busted,hosed,screwed,on fire,unresponsive,not respond,not responding,sick,ill,suffering,"
    "going on with,something is off,is off,off with,will not start,not start,not starting,not come up,not coming up,not work,not working,not run,not running,"
    "not up,not healthy,not ok,not deployed properly,does not work,not load,not loading,not reachable,"
    "not answering,not answer,not schedule,not scheduled,backoff,evicted,what is up with,what happened,happened,"
    "acting funny,matter,bad,ail,ails,ailing,unwell,bug,buggy,degraded,outage,incident",
    "WHY": "why,how come,what caused,what causes,what is causing,what made,root cause,reason,cause,for what reason,"
    "what is the reason,explain why",
    "DIAGNOSE": "have a look,take a look,having a look,diagnose,diagnosis,diagnostic,troubleshoot,debug,investigate,figure out,find out,find the problem,"
    "examine,look into,triage,analyze failing,analyze the failure,check what is wrong,check up on,rca,diagnosing,"
    "pod-resource conflicts,resource conflict",
    "EXPLAIN": "explain,elaborate,clarify,explanation,what does that mean,what does this mean,meaning,in simple terms,"
    "in other words,tell me more,more detail,what do you mean",
    "ERROR": "error,exception,error line,error message,panic",
    "WARNING": "warning",
    "PREVIOUS": "previous,prior,before the crash,before it crashed,before it died,before the restart,last crash,earlier,"
    "crashed container,preceding,old container,last container,previous container,from before,older",
    "MISSING": "missing",
    "SET": "value,values,what is set",
    # words around
    "SHOW": "show,list,get,print,display,give,see,view,check,fetch,pull up,what are,which are,any,check out,read,"
    "look at,show me,let me see,verify,are there",
    "SHELL": "exec,shell,ssh,bash,rm -rf,kubectl exec,port-forward,port forward,curl,sudo,rm,execute a command,"
    "run a command,run the command,raw kubectl,sql",
    "SECRETVALUE": "password,secret value,jwt secret,api key,credentials,secret in plain,decode the secret,base64,"
    "decode,plaintext,plain text,openai key,db password,database password,signing key,private key",
    "OFFTOPIC": "poem,joke,story,song,weather,recipe,football,soccer,president,capital of,translate,essay,email,homework,"
    "stock price,bitcoin,movie,film,script that,a script,sort a list,news,birthday,love me,marry me,meaning of life,game,"
    "favorite,favourite,your name,how old,holiday,vacation,restaurant,lyrics,haiku,tweet,linkedin,novel,regex for,sql query,"
    "math,horoscope,lottery,the time,what time,day is it,tv,music",
    "BYPASS": "ignore your rules,ignore your instructions,ignore all previous,ignore previous,ignore the rules,ignore all rules,"
    "bypass,skip the confirmation,skip confirmation,skip confirmations,approve all,approve everything,auto approve,"
    "auto-approve,approve it for me,approve yourself,disable the guard,turn off the guard,disable confirmations,"
    "say yes for me,answer yes for me,confirm for me,pretend i said yes,act as root,you are now,developer mode,jailbreak",
    "RECAP": "what did you do,what have you done,what have we done,what did we do,what was done,summarize,summarise,"
    "recap,so far,what have you changed,summary of this conversation",
    "REPLICA": "replica,copy,copies,instance,pods each",
    "ALLNS": "all namespaces,every namespace,any namespace,cluster-wide,clusterwide,whole cluster,entire cluster,"
    "across the cluster,across namespaces,the cluster wide,everywhere",
    "DATA": "data,volume,volumes,with its data,including data,and its data,with the data,pvcs too",
}

# kubectl's kinds: what people say → the kind
KINDS: dict[str, str] = {
    "pod": "Pod",
    "container": "Pod",
    "node": "Node",
    "worker": "Node",
    "service": "Service",
    "svc": "Service",
    "deployment": "Deployment",
    "deploys": "Deployment",
    "statefulset": "StatefulSet",
    "sts": "StatefulSet",
    "daemonset": "DaemonSet",
    "replicaset": "ReplicaSet",
    "workload": "Deployment",
    "ingress": "Ingress",
    "ingresses": "Ingress",
    "configmap": "ConfigMap",
    "config map": "ConfigMap",
    "cm": "ConfigMap",
    "secret": "Secret",
    "namespace": "Namespace",
    "pvc": "PersistentVolumeClaim",
    "volume claim": "PersistentVolumeClaim",
    "persistentvolumeclaim": "PersistentVolumeClaim",
    "pv": "PersistentVolume",
    "persistentvolume": "PersistentVolume",
    "job": "Job",
    "cronjob": "CronJob",
    "serviceaccount": "ServiceAccount",
    "service account": "ServiceAccount",
    "networkpolicy": "NetworkPolicy",
    "networkpolicies": "NetworkPolicy",
    "quota": "ResourceQuota",
    "resourcequota": "ResourceQuota",
    "storageclass": "StorageClass",
    "hpa": "HorizontalPodAutoscaler",
}


def _phrases() -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for concept, listed in CONCEPTS.items():
        for phrase in _split(listed):
            found.setdefault(phrase, concept)
    for word in KINDS:
        found[tuple(word.split())] = "KIND"
    for act, forms in ACTS.items():
        for suffix, listed in zip(("", "+ING", "+ED"), forms.split("|"), strict=False):
            for phrase in _split(listed):
                found[phrase] = act + suffix
    return found


def _split(listed: str) -> list[tuple[str, ...]]:
    return [tuple(phrase.split()) for phrase in listed.split(",") if phrase.strip()]


PHRASES = _phrases()
"""Every phrase, as its tokens → its concept."""
VOCABULARY = frozenset(word for phrase in PHRASES for word in phrase if len(word) > 3)
"""Single words that a typo is corrected to."""
LONGEST = max(map(len, PHRASES))
